/* What the files that write metrics share. Only sinks/prometheus*.c include it. */
#ifndef SINKS_PROMETHEUS_PARTS_H
#define SINKS_PROMETHEUS_PARTS_H

#include "model/snapshot.h"
#include "sinks/exposition.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define LABELS(...)                                                                                                    \
    (struct metric_label[]) {                                                                                          \
        __VA_ARGS__                                                                                                    \
    }

/* Families of the service alone: its state, its sources' positions, its notifications. */
void prometheus_write_service(struct exposition *to, const struct snapshot *s);

/* Of any run. */
void prometheus_write_reputation(struct exposition *to, const struct snapshot *s);

/* process_*: this process, as Prometheus's client libraries tell it. What /proc does not give is left out. */
void prometheus_write_process(struct exposition *to, const struct snapshot *s);

#endif
