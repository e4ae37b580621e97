/* A bucket that Firehose fills: what is new is found by looking, without any notification. Each pass lists the hours of
 * a look-back (26 h: Firehose delivers up to 24 h late, under the hour of arrival), and reads what the ledger does not
 * know; never a high-water mark. After a pause, and at a first start with `start`, the pass reaches back from where the
 * last whole pass was. */
#ifndef SOURCE_S3_WATCH_H
#define SOURCE_S3_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "source/s3_listing.h"
#include "source/source.h"

struct s3_watch_options {
    char *name;
    struct s3_place place;
    int64_t interval_ms; /* between two passes */
    int64_t look_back_ms;
    int64_t start_ms; /* the first start reads from here; INT64_MIN: from the look-back before now */
    unsigned ahead;   /* downloads at once; 0: the default */
    struct aws_settings aws;
};
void s3_watch_options_deinit(struct s3_watch_options *o);

struct source *s3_watch_open(const struct s3_watch_options *o, const struct saved_position *saved, size_t saved_count,
                             struct err *err);

#endif
