// Files that are too large for one request: sent in parts, which become a file when all are there.
#pragma once

#include "stream/store/s3_request.h"

enum { S3_PART_BYTES = 8 << 20 };

// As s3_send of a PUT with these bytes: `answer` has the status of the last request, 412 where `creates` and
// there is one. What was sent in vain is taken back.
enum status s3_send_parts(struct s3 *s3, const char *name, const char *bytes, size_t length, bool creates,
                          struct s3_answer *answer, struct problem *p);

// Ends the uploads below the prefix that began before that time, the writers of which are gone: their parts
// are paid for like files. As far as these keys may; trouble is passed over.
void s3_clear_uploads(struct s3 *s3, int64_t before_ms);
