/* The numbers of mail as AWS shows them itself, so that the two can be laid side by side (docs/aws-numbers.md):
 * Virtual Deliverability Manager's tables, and the answer of GetSendStatistics. */
#ifndef SINKS_REPORT_LIKE_H
#define SINKS_REPORT_LIKE_H

#include <stdbool.h>
#include <stdio.h>

#include "aggregate/aggregate.h"
#include "core/err.h"
#include "model/snapshot.h"
#include "sinks/report.h"

enum report_like { LIKE_NOTHING, LIKE_VDM, LIKE_SEND_STATISTICS };

/* The dimensions of VDM: the views that a snapshot for it has, unless somebody asks for others. */
enum { VDM_VIEWS = 4 };
extern const struct view_request vdm_views[VDM_VIEWS];

/* Of a snapshot that was counted with single_recipient_only. `out` is borrowed and not flushed. False when writing
 * failed. */
bool report_vdm_write(FILE *out, const struct snapshot *s, const struct report_options *o, struct err *err);

/* Quarters of an hour (UTC), those in which something happened: 40 bytes each. */
struct send_statistics;

struct send_statistics *send_statistics_create(void);    /* returns new */
void send_statistics_destroy(struct send_statistics *s); /* NULL is allowed */
/* Minutes come in order. */
void send_statistics_minute(struct send_statistics *s, const struct closed_minute *minute);
/* JSON has the form of the API's answer. Table: the latest `max_rows` points. As above. */
bool send_statistics_write(FILE *out, const struct send_statistics *s, const struct report_options *o, struct err *err);

#endif
