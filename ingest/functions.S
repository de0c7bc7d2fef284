    .section .rodata
    .global functions_writer_begin, functions_writer_end, functions_reader_begin, functions_reader_end
functions_writer_begin:
    .incbin "ingest/functions/clameur.lua"
functions_writer_end:
functions_reader_begin:
    .incbin "ingest/functions/clameur_read.lua"
functions_reader_end:
    .section .note.GNU-stack, "", %progbits
