    .section .rodata
    .global schema_begin, schema_end
schema_begin:
    .incbin "schemas/snapshot.binpb"
schema_end:
    .section .note.GNU-stack, "", %progbits
