/* What the files of the Kafka source share.
 *
 *     reader   the source's thread: takes messages from the partitions' queues, gives batches (kafka_read.c)
 *     manager  a thread of the source's own: polls the consumer, so that the group never takes us for dead however long
 *              the reader waits for a batch; finds partitions, decides where each goes on, answers rebalances, commits
 *              offsets to the group (kafka_manage.c, kafka_assign.c, kafka_locate.c, kafka_watch.c, kafka_group.c)
 *     counter  somebody else's thread that asks for the status (kafka_status.c)
 *
 * A partition's queue is cut off the consumer's before the partition is assigned, so messages come from there only.
 * Nothing is ever paused or sought: who does not read a queue is not sent more than it may hold, and whoever goes on
 * elsewhere is assigned anew. */
#ifndef SOURCE_KAFKA_INTERNAL_H
#define SOURCE_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "core/hash.h"
#include "source/batcher.h"
#include "source/kafka.h"

/* The numbers of a position. */
enum { NEXT, ANCHOR, ANCHOR_TIME, ANCHOR_HASH, FROM };

enum partition_state {
    PARTITION_GONE,   /* not ours */
    PARTITION_LOCATE, /* ours; the manager is to find out where it goes on */
    PARTITION_VERIFY, /* read from its anchor, which has not come yet */
    PARTITION_READ,
};

/* Why a partition is to be located. */
enum locate_reason {
    LOCATE_START,        /* from its position, or from where the options say */
    LOCATE_NEW,          /* it appeared while we ran: from its beginning */
    LOCATE_AGAIN,        /* from its position, which is verified again */
    LOCATE_OUT_OF_RANGE, /* the broker has no such offset */
    LOCATE_GAP,          /* the anchor is no longer there, and more is missing than it */
    LOCATE_RECREATED,    /* the anchor is another message now, or the topic ends before it */
};

enum { KAFKA_CHUNK = 256, KAFKA_TIMES = 5 };

struct kafka_partition {
    struct stream stream;
    char *topic; /* owned */
    int32_t number;
    rd_kafka_queue_t *queue; /* NULL until it was first assigned; kept until the end */

    /* Under the lock. */
    enum partition_state state;
    enum locate_reason reason;
    unsigned generation; /* whatever was read in an earlier one is dropped */
    bool busy;           /* the reader is at it */
    bool fetching;       /* librdkafka has it assigned */
    bool has_position;
    struct position position; /* of what was given, or where it starts */
    bool verify;              /* located: it starts at its anchor */
    int64_t start0;           /* n[0] when it was started */
    bool has_given;
    int64_t given0;       /* n[0] of what was given last */
    bool unannounced;     /* the position was made up and is not with the counter yet */
    bool suspect;         /* the topic was gone: it may be another when it comes back */
    bool at_end;          /* everything there was, was read */
    int64_t group_offset; /* what the group was told last; -1: nothing */
    rd_kafka_resp_err_t trouble;

    /* The manager's. */
    bool has_mark;
    int64_t mark_ms, mark_offset; /* the first offset of that time or later, as long as the topic is the same */

    /* The reader's. */
    rd_kafka_message_t *held[KAFKA_CHUNK]; /* taken from the queue, not yet read: from held_at to held_end */
    unsigned held_at, held_end;
    unsigned held_generation;
    int64_t times[KAFKA_TIMES]; /* event times of the last messages */
    unsigned time_count;
    bool is_assumed;         /* it said nothing yet: time_ms is where another was when its patience ended */
    int64_t time_ms;         /* where it is in event time, if time_count is not 0 or it is assumed */
    int64_t silent_since_ns; /* others had messages, it had none; 0: not so */
    bool is_damaged;         /* a broken batch was left out: what is missing is counted with the next message */

    /* The counter's. */
    int64_t end_seen_ns;
};

/* The reader's stay at one partition. Whatever it learns goes to the partition when it is given, or at the end. */
struct turn {
    struct kafka_partition *p;
    unsigned generation;
    int64_t until_ms; /* it ends when the partition is here in event time */
    bool verify, suspect;
    struct position position; /* after the last message that is done */
    bool moved;               /* `position` was not given yet */
    bool in_message;          /* `position` has not passed what is being read */
    bool over, is_far;        /* nothing more is read: at all; before others had their turn */
    bool locate;              /* and the partition is to be located, for: */
    enum locate_reason reason;
    bool discard;                          /* nothing of it may be given any more */
    bool at_end, alive;                    /* everything was read; the broker said something good */
    uint64_t malformed[MALFORMED_REASONS]; /* of the batches given in this turn */
    uint64_t read;
};

struct dead_letters;
struct nudge;

enum { TROUBLE_TEXT = 256 };

/* A client of librdkafka, and who is told what it says. The opaque of its callbacks. */
struct kafka_handle {
    const char *name;                    /* the source's, borrowed */
    const struct kafka_options *options; /* borrowed */
    atomic_bool *stop;                   /* nothing is waited for once it is true */
    void *owner;
    void (*take_error)(void *owner, rd_kafka_t *rk, rd_kafka_resp_err_t e); /* any thread of librdkafka's, or ours */
    void (*rebalance)(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *owner);
    void (*offsets_committed)(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list,
                              void *owner); /* both only of consumers; NULL: nobody wants to know */
};

struct kafka {
    struct source base;
    struct kafka_handle handle;
    const struct kafka_options *options; /* borrowed */
    struct saved_position *saved;        /* owned, with the names */
    size_t saved_count;

    pthread_mutex_t lock;
    rd_kafka_t *rk; /* set once, by the reader */
    struct kafka_partition **partitions;
    size_t partition_count, partition_room;
    bool complete; /* all topics were found and their partitions assigned once; or the group has spoken */
    bool brokers_down;
    char trouble[TROUBLE_TEXT]; /* of the manager's last attempt; "" none */
    char notice[TROUBLE_TEXT];  /* what the operator should know for a while */
    int64_t notice_until_ns;
    bool failed;
    struct err failure;
    uint64_t messages_lost, counted_twice;

    /* Alone below it: librdkafka calls with a lock of its own held. */
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    bool awake;

    /* The reader's. */
    struct batcher *batcher;
    struct batch *chain, **chain_end; /* given by the batcher, not yet by us */
    struct turn turn;
    struct dead_letters *dead_letters; /* NULL: none wanted */
    struct nudge *nudge;               /* NULL: librdkafka needs none */

    /* The manager's. */
    pthread_t manager;
    atomic_bool stop_managing;
    bool closing;
    rd_kafka_topic_t **topics; /* for metadata */
    bool *topic_seen;          /* looked for once, found or not */
    int64_t missing_since_ns;  /* a topic is not there; 0: all are */
    int64_t discover_at_ns, locate_at_ns, commit_at_ns, watch_at_ns, watch_all_at_ns;
    bool is_discovered, is_located;
    atomic_bool commit_refused;
    rd_kafka_topic_partition_list_t *unanswered; /* the group wants these back; NULL: none */
};

static inline bool kafka_is_stopping(struct kafka *k) {
    return atomic_load(&k->base.stop) || atomic_load(&k->stop_managing);
}

/* --- kafka.c ------------------------------------------------------------------------------------------------------ */

enum { KAFKA_CALL_MS = 2000, KAFKA_TICK_MS = 100 }; /* how long a question to a broker, a wait, may take */

void kafka_wake(struct kafka *k);
void kafka_wait(struct kafka *k, int64_t ms); /* until woken */
void kafka_fail(struct kafka *k, const char *text);

/* Under the lock. */
void kafka_set_trouble(struct kafka *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kafka_set_notice(struct kafka *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- kafka_options.c ---------------------------------------------------------------------------------------------- */

enum kafka_role {
    KAFKA_ROLE_CONSUMER,
    KAFKA_ROLE_PRODUCER, /* of dead letters */
    KAFKA_ROLE_WORKER_CONSUMER,
    KAFKA_ROLE_WORKER_PRODUCER, /* of kafka_transform.h, with transactions */
};

/* Returns new, without callbacks; NULL with `err`. */
rd_kafka_conf_t *kafka_conf_create(const struct kafka_options *o, enum kafka_role role, struct err *err);

/* The same for one property more, as the user wrote it. */
bool kafka_conf_add(const struct kafka_options *o, rd_kafka_conf_t *conf, const struct kafka_property *p,
                    struct err *err);
/* What librdkafka takes a property's value for; "" if it has none. */
void kafka_conf_read(const rd_kafka_conf_t *conf, const char *name, char *text, size_t size);

/* --- kafka_nudge.c ------------------------------------------------------------------------------------------------ */

struct nudge *kafka_nudge_start(rd_kafka_t *rk);                         /* NULL when it cannot be */
void kafka_nudge(struct nudge *n, const char *topic, int32_t partition); /* soon; NULL is allowed */
void kafka_nudge_stop(struct nudge *n);                                  /* NULL is allowed */
/* Whether librdkafka looks at queues that were full often enough by itself. */
bool kafka_fetches_eagerly(void);

/* --- kafka_client.c ----------------------------------------------------------------------------------------------- */

/* Connects. The client's log goes to ours. Takes `conf`; the handle is borrowed until the client ends. */
rd_kafka_t *kafka_client_create(struct kafka_handle *h, rd_kafka_conf_t *conf, rd_kafka_type_t type, struct err *err);

/* Whether the group hands out partitions one by one, and not all anew. False at the client's end, when nobody knows. */
bool kafka_is_cooperative(rd_kafka_t *rk);

/* --- kafka_read.c ------------------------------------------------------------------------------------------------- */

void kafka_read_begin(struct kafka *k);
bool kafka_has_queued(const struct kafka_partition *p); /* the reader's thread */
void kafka_read_end(struct kafka *k);
bool kafka_read_some(struct kafka *k); /* false: nothing to read just now */

/* Whether everything there is was read, given and committed. */
bool kafka_is_finished(struct kafka *k);

/* --- kafka_choose.c ----------------------------------------------------------------------------------------------- */

/* The partition to read next: of those that have something, the one that is furthest back in event time; and until
 * when. NULL: none has, or one that is further back is waited for. */
struct kafka_partition *kafka_choose(struct kafka *k, int64_t now_ns, int64_t *until_ms);

/* Where a partition is in event time: the middle one of its last messages' times, so that one that lies in the future
 * does not say where it is. */
void kafka_note_time(struct kafka_partition *p, int64_t time_ms);

/* Whether nothing more is known to be there. Under the lock. */
bool kafka_at_end(struct kafka *k, const struct kafka_partition *p);

/* --- kafka_value.c ------------------------------------------------------------------------------------------------ */

/* A message's value without a schema registry's prefix, if JSON follows it. */
struct span kafka_value_strip(struct span value);

int64_t kafka_value_hash(struct span value); /* the same for ever: it is in state files */

/* --- kafka_manage.c ----------------------------------------------------------------------------------------------- */

void *kafka_manage(void *kafka); /* the manager's thread */

/* A topic went away, whichever: each is looked at, and its anchors are verified. The manager's. */
void kafka_look_soon(struct kafka *k);

/* --- kafka_assign.c ----------------------------------------------------------------------------------------------- */

struct kafka_partition *kafka_partition_find(struct kafka *k, const char *topic, int32_t number);
struct kafka_partition *kafka_partition_add(struct kafka *k, const char *topic, int32_t number); /* under the lock */
void kafka_partition_destroy(struct kafka_partition *p);

/* Locates and starts what is in PARTITION_LOCATE. False when some must be tried again. */
bool kafka_locate_all(struct kafka *k);

/* Starts the partitions, all in PARTITION_LOCATE and located: librdkafka is told, then the reader. `answer` says that
 * the group asked for it. */
void kafka_start(struct kafka *k, struct kafka_partition **list, size_t count, bool answer);

rd_kafka_topic_partition_list_t *kafka_list(struct kafka_partition **list, size_t count);

/* --- kafka_locate.c ----------------------------------------------------------------------------------------------- */

/* Decides where a partition goes on; asks the brokers if it must. False: later again. */
bool kafka_locate(struct kafka *k, struct kafka_partition *p);

/* From here on with nothing to verify. Under the lock. */
void kafka_begin_at(struct kafka_partition *p, int64_t offset);

/* --- kafka_watch.c ------------------------------------------------------------------------------------------------ */

/* Finds partitions that are another topic's now, and has them read again. */
void kafka_watch(struct kafka *k, int64_t now_ns);

/* --- kafka_group.c ------------------------------------------------------------------------------------------------ */

void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *kafka);
void kafka_answer_group(struct kafka *k); /* gives back what it still waits for */
void kafka_offsets_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                             void *kafka);

/* Tells the group what is counted: at once and without waiting, or waiting up to `wait_ms`. */
void kafka_commit(struct kafka *k, int wait_ms);

/* Where a partition that the group gave us goes on. */
struct handover {
    int64_t next;      /* -1: nobody knows: where the options say */
    bool use_position; /* from our own position, which is verified */
    uint64_t twice;    /* messages that this state and another have both counted */
};
struct handover kafka_handover(const struct position *own, int64_t group_offset, struct span metadata,
                               const char *state_id);

/* --- kafka_dead_letter.c ------------------------------------------------------------------------------------------ */

struct dead_letters *dead_letters_open(struct kafka *k, struct err *err);
void dead_letters_close(struct dead_letters *d);
void dead_letters_send(struct dead_letters *d, const rd_kafka_message_t *m, enum malformed_reason reason);
bool dead_letters_settle(struct dead_letters *d); /* waits until all are delivered or given up; false: stop */
/* Returns new: the message's own headers, and those that say where it came from and what is wrong with it. */
rd_kafka_headers_t *dead_letter_headers(const char *source, const rd_kafka_message_t *m, enum malformed_reason reason);
void dead_letters_count(const struct dead_letters *d, uint64_t *sent, uint64_t *failed);

/* --- kafka_status.c ----------------------------------------------------------------------------------------------- */

void kafka_status(struct source *s, struct source_row *row);

#endif
