#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sinks/prometheus_parts.h"

static double seconds_of(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void write_cpu(struct exposition *to) {
    exposition_begin(to, "process_cpu_seconds_total", METRIC_COUNTER, "User and system time of the process.");
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        exposition_double(to, NULL, 0, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
}

/* /proc/self/statm: size and resident set first, in pages. */
static void write_memory(struct exposition *to) {
    char text[128] = "", *behind = text;
    FILE *in = fopen("/proc/self/statm", "re");
    bool known = in && fgets(text, sizeof text, in);
    if (in)
        fclose(in);
    unsigned long long size = strtoull(text, &behind, 10), resident = strtoull(behind, NULL, 10);
    unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
    exposition_begin(to, "process_virtual_memory_bytes", METRIC_GAUGE, "Address space of the process.");
    if (known)
        exposition_u64(to, NULL, 0, size * page);
    exposition_begin(to, "process_resident_memory_bytes", METRIC_GAUGE, "Memory of the process that is in RAM.");
    if (known)
        exposition_u64(to, NULL, 0, resident * page);
}

/* False when /proc is not there. The descriptor that lists the folder is not counted. */
static bool count_descriptors(uint64_t *count) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return false;
    uint64_t found = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        found += entry->d_name[0] != '.';
    closedir(folder);
    *count = found > 0 ? found - 1 : 0;
    return true;
}

static void write_descriptors(struct exposition *to) {
    uint64_t open_now;
    exposition_begin(to, "process_open_fds", METRIC_GAUGE, "Open file descriptors.");
    if (count_descriptors(&open_now))
        exposition_u64(to, NULL, 0, open_now);
    exposition_begin(to, "process_max_fds", METRIC_GAUGE, "File descriptors that may be open at once.");
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        exposition_u64(to, NULL, 0, limit.rlim_cur);
}

void prometheus_write_process(struct exposition *to, const struct snapshot *s) {
    exposition_begin(to, "process_start_time_seconds", METRIC_GAUGE, "When the process started, since 1970.");
    exposition_double(to, NULL, 0, (double)s->service.started_ms / 1000);
    write_cpu(to);
    write_memory(to);
    write_descriptors(to);
}
