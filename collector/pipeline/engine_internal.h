/* What engine.c runs and engine_publish.c shows. */
#ifndef PIPELINE_ENGINE_INTERNAL_H
#define PIPELINE_ENGINE_INTERNAL_H

#include <pthread.h>

#include "core/map.h"
#include "pipeline/engine.h"

enum { SOURCE_NAME_IDS = 2 /* the first two names of a table are not sources */ };

/* Work that another thread wants done on this one. */
struct errand {
    void (*work)(void *context, struct engine *e);
    void *context;
    bool done;
};

/* What pauses sending: what it holds, and what it said last of each incident. */
struct engine_brake {
    const struct alert_rule *rules; /* borrowed */
    size_t rule_count;
    struct brake_state state;
    bool changed;
    struct map said; /* incident -> enum brake_decision */
    uint64_t decisions[BRAKE_DECISIONS];
};

struct engine {
    struct engine_options options;
    struct engine_parts parts;
    struct dictionary dictionary;
    struct keeper_names kept;
    struct snapshot_names names;
    const char *source_names[AGGREGATE_SOURCES], *source_kinds[AGGREGATE_SOURCES];
    char *troubles[AGGREGATE_SOURCES]; /* owned; of each source, as it was logged last; NULL: none */
    /* The last ones are in use; those before may still be read from. */
    struct provider_table **providers;
    struct knowledge **knowledge; /* made with the providers of the same place */
    size_t provider_tables;
    struct aggregate *aggregate;
    struct alerting *alerting;
    struct suppression *suppression; /* NULL: nobody asked for addresses */
    struct engine_brake brake;
    struct running_source *sources;
    size_t source_count;
    void (*show_remote_writes)(void *context, struct service_row *row); /* NULL: none */
    void *remote_writes;

    struct stream **changed; /* streams that moved since the last commit */
    size_t changed_count, changed_size;
    bool dirty;                          /* something was counted since the last commit */
    bool alerts_changed;                 /* since the list was last written to its file */
    bool full;                           /* the last commit found no room */
    bool behind;                         /* a backlog is being read */
    bool was_caught_up;                  /* every source was, once since the start */
    int64_t moved_ns, seen_watermark_ms; /* when the watermark moved last, monotonic, and where it was then */
    int64_t started_ns;                  /* monotonic, when service.started_ms was */
    int64_t next_commit_ns, next_publish_ns, last_publish_ns;
    struct service_row service; /* the counters in it */

    pthread_t thread;
    bool started;
    atomic_bool stop, ended, failed, ready, committed;
    _Atomic uint64_t asked, answered; /* commits that others asked for, and those of them that ended */
    _Atomic int64_t beat_ns;
    pthread_mutex_t errand_lock;
    pthread_cond_t errand_done;
    struct errand *errand; /* NULL: none waits */
};

/* engine_brake.c */
bool engine_brake_load(struct engine *e, struct err *err);                      /* before the outbox and the alerts */
void engine_brake_loaded(struct engine *e);                                     /* after them */
void engine_brake_incident(struct engine *e, const struct alert_row *incident); /* it fires, still fires, or ended */
void engine_brake_advance(struct engine *e);                                    /* before a commit */
void engine_brake_save(struct engine *e, struct store *to);
void engine_brake_watch(struct engine *e); /* what is paused, with a brake that is new */
void engine_brake_show(const struct engine *e, struct snapshot *s, struct service_row *row);
void engine_brake_deinit(struct engine *e);

/* engine_time.c */
bool engine_all_caught_up(const struct engine *e);
int64_t engine_present_ms(const struct engine *e);
void engine_move_time(struct engine *e, int64_t now_ms); /* minutes that are over are judged; before a commit */
void engine_finish_time(struct engine *e);               /* the end of a batch run: all there are, are over */

/* engine_publish.c */
void engine_publish(struct engine *e, int64_t now_ms);

#endif
