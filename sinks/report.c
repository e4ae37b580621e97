#include "sinks/report.h"

#include <errno.h>

#include "sinks/report_parts.h"

bool report_volume_change(uint64_t now, uint64_t before, double *change) {
    if (before == 0)
        return false;
    *change = ((double)now - (double)before) / (double)before;
    return true;
}

bool report_rate_change(enum rate rate, const struct tally *now, const struct tally *before, double *change) {
    double value_now, value_before;
    if (!rate_value(rate, &now->rates, &value_now) || !rate_value(rate, &before->rates, &value_before))
        return false;
    *change = value_now - value_before;
    return true;
}

bool report_write(FILE *out, const struct snapshot *s, const struct report_options *o, struct err *err) {
    bool compare = o->compare && s->has_before;
    errno = 0;
    switch (o->format) {
    case REPORT_TABLE:
        report_write_table(out, s, o);
        break;
    case REPORT_JSON:
        report_write_json(out, s, compare);
        break;
    case REPORT_CSV:
        report_write_csv(out, s, compare);
        break;
    }
    if (ferror(out))
        return err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the report");
    return true;
}
