// XML as S3 answers it: small, without a document type, of few levels. Nothing of it is trusted.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Called at the end of each element with its path from the root ("ListBucketResult/Contents/Key") and the
// text in it, both for the time of the call. False ends the reading.
typedef bool (*s3_xml_text)(void *context, const char *path, const char *text);

// False where the bytes are no XML, have a document type, nest deeper or have longer names or texts than an
// answer of S3, or where `text` said so.
bool s3_xml_read(const char *bytes, size_t length, s3_xml_text text, void *context);

// The text of the first element with this path, into `out` (its end cut off); "" where there is none.
void s3_xml_find(const char *bytes, size_t length, const char *path, char *out, size_t size);
