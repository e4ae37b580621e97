/* Writes one view of a made-up service to standard output, for page.sh to look at.
 *   write_page ready|behind|notready|young|many|metrics|openmetrics|alerts|rates */
#include "sinks/alerts.h"
#include "sinks/page.h"
#include "sinks/prometheus.h"
#include "sinks/rates.h"
#include "unit/rich_snapshot.h"

/* A service that has just been started for the first time. */
static void make_young(struct rich *r) {
    r->s.window_count = r->s.history_count = r->s.alert_count = 0;
    r->s.source_count = 1;
    r->sources[0] = (struct source_row){.name = "events", .kind = "kafka"};
    r->s.watermark_ms = r->s.first_ms = 0;
    memset(r->s.service.commit_count, 0, sizeof r->s.service.commit_count);
}

static bool write_view(const char *what, struct rich *r) {
    static const struct rates_query all;
    struct service_row *service = &r->s.service;
    if (strcmp(what, "metrics") == 0)
        return prometheus_write(stdout, &r->s, NULL);
    if (strcmp(what, "openmetrics") == 0)
        return openmetrics_write(stdout, &r->s, NULL);
    if (strcmp(what, "alerts") == 0)
        return alerts_write(stdout, &r->s, NULL);
    if (strcmp(what, "rates") == 0)
        return rates_write(stdout, &r->s, &all, NULL);
    if (strcmp(what, "young") == 0)
        make_young(r);
    service->behind = strcmp(what, "behind") == 0;
    if (service->behind)
        r->s.watermark_ms -= RICH_MINUTES(200);
    service->ready = strcmp(what, "notready") != 0;
    service->state_writable = service->reload_ok = service->ready;
    snprintf(service->not_ready, sizeof service->not_ready, "the source \"events\" has not been reached yet");
    return page_write(stdout, &r->s, NULL);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "ready";
    struct rich *r = rich_snapshot(strcmp(what, "many") == 0 ? 300 : 0);
    bool ok = write_view(what, r);
    free(r);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
