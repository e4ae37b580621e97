/* The reader: messages become records, records batches, batches chains with a position. */
#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_internal.h"

#define TURN_NS INT64_C(50000000) /* what was read is given no later than this */

/* --- giving ------------------------------------------------------------------------------------------------------- */

static void blank(struct batch *chain) {
    for (struct batch *b = chain; b; b = b->next)
        batch_empty(b);
}

/* A chain that may not count goes back empty: there is no other way for a batch to return. */
static void give_chain(struct kafka *k) {
    struct turn *turn = &k->turn;
    struct batch *chain = k->chain;
    k->chain = NULL;
    k->chain_end = &k->chain;
    if (!chain)
        return;
    if (k->dead_letters && !turn->discard && !dead_letters_settle(k->dead_letters))
        turn->discard = true;
    pthread_mutex_lock(&k->lock);
    struct kafka_partition *p = turn->p;
    bool counts = !turn->discard && p->generation == turn->generation;
    if (counts) {
        p->position = turn->position;
        p->has_given = true;
        p->given0 = turn->position.n[NEXT];
        p->unannounced = false;
        turn->moved = false;
    } else {
        turn->discard = turn->over = true;
        blank(chain);
    }
    for (struct batch *b = chain; b; b = b->next)
        b->position = p->position;
    pthread_mutex_unlock(&k->lock);
    k->base.port->give(k->base.port->context, chain);
}

static struct batch *take(void *context) {
    struct kafka *k = context;
    return k->base.port->take(k->base.port->context);
}

static void give(void *context, struct batch *b, bool inside) {
    struct kafka *k = context;
    struct turn *turn = &k->turn;
    b->next = NULL;
    b->source = k->base.index;
    b->stream = &turn->p->stream;
    for (unsigned i = 0; i < MALFORMED_REASONS; i++)
        turn->malformed[i] += b->accounting.malformed[i];
    turn->read += b->accounting.read;
    *k->chain_end = b;
    k->chain_end = &b->next;
    if (!inside && !turn->in_message) /* the position has not passed the message at hand yet */
        give_chain(k);
}

/* --- one message -------------------------------------------------------------------------------------------------- */

static void end_turn(struct turn *turn, enum locate_reason reason) {
    turn->over = turn->locate = true;
    turn->reason = reason;
}

struct before {
    uint64_t malformed[MALFORMED_REASONS], read;
};

static struct before totals(struct kafka *k) {
    struct before now = {.read = k->turn.read};
    const struct batch *b = k->batcher->batch;
    memcpy(now.malformed, k->turn.malformed, sizeof now.malformed);
    for (unsigned i = 0; b && i < MALFORMED_REASONS; i++)
        now.malformed[i] += b->accounting.malformed[i];
    if (b)
        now.read += b->accounting.read;
    return now;
}

/* A message with something wrong in it goes to the dead letters once, as a whole. */
static void send_dead_letter(struct kafka *k, const rd_kafka_message_t *m, const struct before *before) {
    struct before after = totals(k);
    for (unsigned i = 0; k->dead_letters && i < MALFORMED_REASONS; i++) {
        if (after.malformed[i] != before->malformed[i]) {
            dead_letters_send(k->dead_letters, m, (enum malformed_reason)i);
            return;
        }
    }
}

static void note_time(struct kafka *k) {
    const struct batch *b = k->batcher->batch;
    struct turn *turn = &k->turn;
    if (!b || !b->count)
        return;
    kafka_note_time(turn->p, b->events[b->count - 1].time_ms);
    turn->is_far = turn->p->time_ms > turn->until_ms;
}

/* A topic may hold both forms. */
static bool read_value(struct kafka *k, struct span value) {
    return normalized_record_is(value) ? batcher_read_normalized(k->batcher, value)
                                       : batcher_read(k->batcher, kafka_value_strip(value));
}

/* False when the run is stopped. */
static bool count_message(struct kafka *k, const rd_kafka_message_t *m) {
    if (!batcher_open(k->batcher))
        return false;
    struct before before = totals(k);
    k->batcher->batch->accounting.bytes_read += m->len + m->key_len;
    if (m->payload && !read_value(k, (struct span){m->payload, m->len}))
        return false;
    if (!batcher_open(k->batcher))
        return false;
    if (totals(k).read == before.read) { /* a tombstone, or blanks */
        k->batcher->batch->accounting.read++;
        k->batcher->batch->accounting.filtered++;
    }
    send_dead_letter(k, m, &before);
    note_time(k);
    return true;
}

static int64_t message_time(const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t kind;
    return rd_kafka_message_timestamp(m, &kind);
}

/* The first message of a partition that goes on: is it the one that was counted last? True: and it is done. */
static bool is_anchor(struct turn *turn, const rd_kafka_message_t *m) {
    const int64_t *n = turn->position.n;
    if (m->offset == n[ANCHOR]) {
        if (message_time(m) != n[ANCHOR_TIME] || kafka_value_hash((struct span){m->payload, m->len}) != n[ANCHOR_HASH])
            end_turn(turn, LOCATE_RECREATED);
        else
            turn->verify = false;
        return true;
    }
    if (m->offset > n[NEXT])
        end_turn(turn, LOCATE_GAP);
    else
        turn->verify = false; /* compaction took the anchor, and nothing that was not counted */
    return turn->over;
}

static void count_damage(struct kafka *k, struct kafka_partition *p, int64_t missing) {
    p->is_damaged = false;
    if (missing <= 0)
        return;
    pthread_mutex_lock(&k->lock);
    k->messages_lost += (uint64_t)missing;
    kafka_set_notice(k, "%lld messages of %s were damaged and could not be read", (long long)missing, p->stream.name);
    pthread_mutex_unlock(&k->lock);
    log_event(LOG_ERROR, "kafka messages damaged",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0}, {"lost", NULL, missing}));
}

static void take_message(struct kafka *k, const rd_kafka_message_t *m) {
    struct turn *turn = &k->turn;
    int64_t *n = turn->position.n;
    if (m->offset < (turn->verify ? n[ANCHOR] : n[NEXT]))
        return; /* librdkafka 2.0 repeats some around a rebalance */
    turn->at_end = false;
    turn->alive = true;
    if (turn->suspect) {
        end_turn(turn, LOCATE_AGAIN);
        return;
    }
    if (turn->verify && is_anchor(turn, m))
        return;
    if (turn->p->is_damaged)
        count_damage(k, turn->p, m->offset - n[NEXT]);
    turn->in_message = true;
    bool went_on = count_message(k, m);
    turn->in_message = false;
    if (!went_on) {
        turn->over = turn->discard = true;
        return;
    }
    n[NEXT] = m->offset + 1;
    n[ANCHOR] = m->offset;
    n[ANCHOR_TIME] = message_time(m);
    n[ANCHOR_HASH] = kafka_value_hash((struct span){m->payload, m->len});
    turn->moved = true;
    if (k->chain) /* a batch was full */
        batcher_flush(k->batcher);
}

/* --- what is no message ------------------------------------------------------------------------------------------- */

static void take_end(struct turn *turn, int64_t offset) {
    int64_t *n = turn->position.n;
    if (turn->suspect || (turn->verify && offset <= n[ANCHOR])) {
        end_turn(turn, turn->suspect ? LOCATE_AGAIN : LOCATE_RECREATED);
        return;
    }
    turn->verify = false;
    turn->at_end = turn->alive = true;
    if (offset > n[NEXT]) { /* marks of transactions, which nobody is shown */
        n[NEXT] = offset;
        turn->moved = true;
    }
}

static void take_error(struct kafka *k, const rd_kafka_message_t *m) {
    struct turn *turn = &k->turn;
    struct kafka_partition *p = turn->p;
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        take_end(turn, m->offset);
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        end_turn(turn, LOCATE_OUT_OF_RANGE);
        return;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        p->is_damaged = true;
        break;
    default:
        break;
    }
    pthread_mutex_lock(&k->lock);
    p->trouble = m->err;
    if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        p->suspect = turn->suspect = true;
    pthread_mutex_unlock(&k->lock);
    log_event(LOG_WARN, "kafka partition trouble",
              LOG_FIELDS({"source", k->base.name, 0}, {"partition", p->stream.name, 0},
                         {"error", rd_kafka_err2str(m->err), 0}));
}

/* --- a turn ------------------------------------------------------------------------------------------------------- */

/* False when it was taken from us since it was chosen. */
static bool begin_turn(struct kafka *k, struct kafka_partition *p, int64_t until_ms) {
    pthread_mutex_lock(&k->lock);
    bool is_ours = p->state == PARTITION_VERIFY || p->state == PARTITION_READ;
    p->busy = is_ours;
    k->turn = (struct turn){.p = p,
                            .generation = p->generation,
                            .until_ms = until_ms,
                            .verify = p->state == PARTITION_VERIFY,
                            .position = p->position,
                            .moved = p->unannounced,
                            .suspect = p->suspect,
                            .at_end = p->at_end};
    pthread_mutex_unlock(&k->lock);
    return is_ours;
}

static void drop_held(struct kafka_partition *p) {
    while (p->held_at < p->held_end)
        rd_kafka_message_destroy(p->held[p->held_at++]);
}

bool kafka_has_queued(const struct kafka_partition *p) {
    return p->held_at < p->held_end || rd_kafka_queue_length(p->queue) > 0;
}

static bool refill(struct kafka_partition *p, unsigned generation) {
    if (p->held_generation != generation)
        drop_held(p);
    if (p->held_at < p->held_end)
        return true;
    ssize_t count = rd_kafka_consume_batch_queue(p->queue, 0, p->held, KAFKA_CHUNK);
    p->held_at = 0;
    p->held_end = count > 0 ? (unsigned)count : 0;
    p->held_generation = generation;
    return count > 0;
}

/* False when there is nothing more, or nothing more may be read in this turn. */
static bool take_chunk(struct kafka *k) {
    struct turn *turn = &k->turn;
    struct kafka_partition *p = turn->p;
    if (!refill(p, turn->generation))
        return false;
    if (!turn->at_end) /* there may be more, and now there is room for it */
        kafka_nudge(k->nudge, p->topic, p->number);
    while (p->held_at < p->held_end && !turn->over && !turn->is_far) {
        rd_kafka_message_t *m = p->held[p->held_at++];
        if (m->err)
            take_error(k, m);
        else
            take_message(k, m);
        rd_kafka_message_destroy(m);
    }
    return !turn->over && !turn->is_far;
}

static void finish_turn(struct kafka *k) {
    struct turn *turn = &k->turn;
    struct kafka_partition *p = turn->p;
    if (turn->moved && !turn->discard)
        batcher_open(k->batcher); /* the position goes on even if nothing was read */
    batcher_flush(k->batcher);
    if (k->chain) { /* stopped in the middle of a record */
        turn->discard = true;
        give_chain(k);
    }
    pthread_mutex_lock(&k->lock);
    if (!turn->discard && p->generation == turn->generation && p->state != PARTITION_GONE) {
        p->at_end = turn->at_end;
        if (turn->alive) {
            p->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
            k->brokers_down = false;
        }
        p->state = turn->locate ? PARTITION_LOCATE : turn->verify ? PARTITION_VERIFY : PARTITION_READ;
        p->reason = turn->reason;
        p->generation += turn->locate;
    }
    p->busy = false;
    pthread_mutex_unlock(&k->lock);
}

bool kafka_read_some(struct kafka *k) {
    int64_t start = clock_monotonic_ns();
    int64_t until_ms;
    struct kafka_partition *p = kafka_choose(k, start, &until_ms);
    if (!p)
        return false;
    if (!begin_turn(k, p, until_ms))
        return true;
    while (take_chunk(k) && clock_monotonic_ns() - start < TURN_NS && !atomic_load(&k->base.stop))
        ;
    finish_turn(k);
    return true;
}

void kafka_read_begin(struct kafka *k) {
    k->chain_end = &k->chain;
    k->batcher = alloc_zeroed(1, sizeof *k->batcher);
    batcher_init(k->batcher, k->base.dictionary, k->base.isa);
    k->batcher->keep_notes = k->base.keep_notes;
    k->batcher->keep_exemplars = k->base.keep_exemplars;
    k->batcher->take = take;
    k->batcher->give = give;
    k->batcher->context = k;
    k->nudge = kafka_fetches_eagerly() ? NULL : kafka_nudge_start(k->rk);
}

void kafka_read_end(struct kafka *k) {
    assert(!k->batcher->batch && !k->chain);
    kafka_nudge_stop(k->nudge);
    k->nudge = NULL;
    batcher_deinit(k->batcher);
    free(k->batcher);
    k->batcher = NULL;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->partition_count; i++)
        drop_held(k->partitions[i]);
    pthread_mutex_unlock(&k->lock);
}

bool kafka_is_finished(struct kafka *k) {
    pthread_mutex_lock(&k->lock);
    bool finished = k->complete;
    for (size_t i = 0; finished && i < k->partition_count; i++) {
        struct kafka_partition *p = k->partitions[i];
        if (p->state == PARTITION_GONE)
            continue;
        finished = p->state == PARTITION_READ && p->at_end && !p->unannounced && !kafka_has_queued(p) &&
                   (!p->has_given || atomic_load(&p->stream.committed0) == p->given0);
    }
    pthread_mutex_unlock(&k->lock);
    return finished;
}
