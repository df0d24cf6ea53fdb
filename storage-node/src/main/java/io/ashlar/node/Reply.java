package io.ashlar.node;

import io.ashlar.client.protocol.Response;
import io.ashlar.client.transport.Buffer;

import java.util.List;

/** What a request is answered; owns the bulk. */
record Reply(Response response, List<Buffer> bulk) {}
