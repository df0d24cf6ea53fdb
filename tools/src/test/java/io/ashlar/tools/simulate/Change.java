package io.ashlar.tools.simulate;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.List;
import java.util.stream.Stream;

/**
 * One kind of call, of read of a field, or of write to it, within one method of one class of the
 * product is replaced.
 *
 * @param className the class, by its full name
 * @param method the method, its lambdas included
 * @param target the simple name of the owner and the name of what is called, read or written, as
 *     {@code Owner.name}
 * @param instead what is there instead
 */
record Change(String className, String method, String target, Instead instead) {
    private static final ClassDesc FUTURE = ClassDesc.of("java.util.concurrent.CompletableFuture");

    /** What takes the place of what was there. */
    sealed interface Instead {
        /** This number; 0 is also null, and nothing where nothing is returned. */
        record Constant(int value) implements Instead {}

        /** What it gave, and this much more. */
        record Plus(int delta) implements Instead {}

        /** The same call, its last argument being this much more. */
        record ArgumentPlus(int delta) implements Instead {}

        /** A future that is done, with true. */
        record DoneFuture() implements Instead {}

        /** Another method of the same owner, which takes and gives the same. */
        record Sibling(String method) implements Instead {}

        /** A static method of a test's, which is given the owner, if there is one, and all arguments. */
        record Wrong(Class<?> owner, String method) implements Instead {}
    }

    /** The class with the defect; fails where there is nothing to be changed. */
    byte[] applyTo(byte[] classBytes) {
        ClassFile classFile = ClassFile.of();
        ClassModel model = classFile.parse(classBytes);
        int[] changes = new int[1];
        CodeTransform code = (builder, element) -> change(builder, element, changes);
        byte[] changed = classFile.transformClass(
                model, ClassTransform.transformingMethodBodies(this::isMeant, code));
        if (changes[0] == 0) {
            throw new IllegalStateException(
                    "there is no " + target + " in " + className + "." + method);
        }
        return changed;
    }

    private boolean isMeant(MethodModel candidate) {
        String found = candidate.methodName().stringValue();
        return found.equals(method) || found.startsWith("lambda$" + method + "$");
    }

    private void change(CodeBuilder builder, CodeElement element, int[] changes) {
        if (element instanceof InvokeInstruction call
                && matches(call.owner().asInternalName(), call.name().stringValue())) {
            changes[0]++;
            replaceCall(builder, call);
        } else if (element instanceof FieldInstruction field
                && (field.opcode() == Opcode.GETFIELD || field.opcode() == Opcode.GETSTATIC)
                && matches(field.owner().asInternalName(), field.name().stringValue())) {
            changes[0]++;
            replaceRead(builder, field);
        } else if (element instanceof FieldInstruction field
                && field.opcode() == Opcode.PUTFIELD
                && instead instanceof Instead.Wrong wrong
                && matches(field.owner().asInternalName(), field.name().stringValue())) {
            changes[0]++;
            callWrong(builder, wrong, ConstantDescs.CD_void);
        } else {
            builder.with(element);
        }
    }

    private boolean matches(String ownerInternalName, String memberName) {
        String simple = ownerInternalName.substring(
                Math.max(ownerInternalName.lastIndexOf('/'), ownerInternalName.lastIndexOf('$'))
                        + 1);
        return target.equals(simple + "." + memberName);
    }

    private void replaceCall(CodeBuilder builder, InvokeInstruction call) {
        MethodTypeDesc type = call.typeSymbol();
        switch (instead) {
            case Instead.Plus(int delta) -> {
                builder.with(call);
                add(builder, TypeKind.from(type.returnType()), delta);
            }
            case Instead.ArgumentPlus(int delta) -> {
                add(builder, TypeKind.from(type.parameterList().getLast()), delta);
                builder.with(call);
            }
            case Instead.Sibling(String name) ->
                builder.invoke(
                        call.opcode(), call.owner().asSymbol(), name, type, call.isInterface());
            case Instead.Wrong wrong -> callWrong(builder, wrong, type.returnType());
            case Instead.Constant ignored -> dropAndPush(builder, call);
            case Instead.DoneFuture ignored -> dropAndPush(builder, call);
        }
    }

    private void dropAndPush(CodeBuilder builder, InvokeInstruction call) {
        MethodTypeDesc type = call.typeSymbol();
        List<ClassDesc> parameters = type.parameterList().reversed();
        parameters.forEach(parameter -> pop(builder, TypeKind.from(parameter)));
        if (call.opcode() != Opcode.INVOKESTATIC) {
            builder.pop();
        }
        push(builder, TypeKind.from(type.returnType()));
    }

    private void replaceRead(CodeBuilder builder, FieldInstruction field) {
        TypeKind kind = TypeKind.from(field.typeSymbol());
        if (instead instanceof Instead.Plus(int delta)) {
            builder.with(field);
            add(builder, kind, delta);
            return;
        }
        if (field.opcode() == Opcode.GETFIELD) {
            builder.pop();
        }
        push(builder, kind);
    }

    private static void callWrong(CodeBuilder builder, Instead.Wrong wrong, ClassDesc wanted) {
        Method method = Stream.of(wrong.owner().getDeclaredMethods())
                .filter(one -> one.getName().equals(wrong.method()))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("there is no " + wrong));
        MethodTypeDesc type = MethodType.methodType(
                        method.getReturnType(), method.getParameterTypes())
                .describeConstable()
                .orElseThrow();
        builder.invokestatic(ClassDesc.of(wrong.owner().getName()), wrong.method(), type);
        if (!wanted.isPrimitive() && !type.returnType().equals(wanted)) {
            builder.checkcast(wanted);
        }
    }

    private static void pop(CodeBuilder builder, TypeKind kind) {
        if (kind.slotSize() == 2) {
            builder.pop2();
        } else {
            builder.pop();
        }
    }

    private static void add(CodeBuilder builder, TypeKind kind, int delta) {
        if (kind == TypeKind.LONG) {
            builder.loadConstant((long) delta).ladd();
        } else {
            builder.loadConstant(delta).iadd();
        }
    }

    private void push(CodeBuilder builder, TypeKind kind) {
        int value = instead instanceof Instead.Constant(int constant) ? constant : 0;
        switch (kind) {
            case VOID -> {}
            case LONG -> builder.loadConstant((long) value);
            case REFERENCE -> {
                if (instead instanceof Instead.DoneFuture) {
                    pushDoneFuture(builder);
                } else {
                    builder.aconst_null();
                }
            }
            case BOOLEAN, BYTE, SHORT, CHAR, INT -> builder.loadConstant(value);
            case FLOAT, DOUBLE -> throw new IllegalStateException("mutations know no " + kind);
        }
    }

    private static void pushDoneFuture(CodeBuilder builder) {
        ClassDesc bool = ClassDesc.of("java.lang.Boolean");
        ClassDesc object = ClassDesc.of("java.lang.Object");
        builder.getstatic(bool, "TRUE", bool)
                .invokestatic(FUTURE, "completedFuture", MethodTypeDesc.of(FUTURE, object));
    }
}
