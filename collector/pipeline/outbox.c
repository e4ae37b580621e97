#include "pipeline/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alert/rule.h"
#include "core/alloc.h"
#include "core/log.h"

enum { MESSAGE_LIMIT = 1 << 20, STOP_MS = 1000 };

/* No target of the configuration can be called so. */
static const char brake_target[] = "(brake)";

/* A message that is not durable yet. */
struct fresh {
    struct notification message; /* its row is in `block` */
    struct alert_row *block;
    size_t target;
};

/* What the brake said. */
struct said {
    struct brake_order order;
    enum brake_news news;
};

struct outbox {
    struct board *board;
    const struct notify_target *targets;
    struct notifier **notifiers;
    size_t target_count;
    uint64_t last; /* the highest number given */
    struct fresh *fresh;
    size_t fresh_count, fresh_size;
    struct notifier_counts before; /* of targets that are gone */

    struct brake *brake; /* NULL: none */
    struct outbox_brake_hooks brake_hooks;
    struct brake_order *orders; /* that are not durable yet */
    size_t order_count, order_size;
    struct brake_counts brake_before; /* of brakes that are gone */

    pthread_mutex_t lock; /* of what follows: the targets' threads report here */
    struct said *said;
    size_t said_count, said_size;
    uint64_t *finished;
    size_t finished_count, finished_size, saving; /* the first `saving` are in the commit at hand */
};

static void on_finished(void *context, uint64_t id) {
    struct outbox *o = context;
    pthread_mutex_lock(&o->lock);
    if (o->finished_count == o->finished_size) {
        o->finished_size = o->finished_size ? o->finished_size * 2 : 16;
        o->finished = alloc_resize(o->finished, o->finished_size, sizeof *o->finished);
    }
    o->finished[o->finished_count++] = id;
    pthread_mutex_unlock(&o->lock);
}

/* On the brake's thread, or on the counting thread within brake_send and brake_forget. */
static void on_news(void *context, const struct brake_order *order, enum brake_news news) {
    struct outbox *o = context;
    pthread_mutex_lock(&o->lock);
    if (o->said_count == o->said_size) {
        o->said_size = o->said_size ? o->said_size * 2 : 8;
        o->said = alloc_resize(o->said, o->said_size, sizeof *o->said);
    }
    o->said[o->said_count++] = (struct said){*order, news};
    pthread_mutex_unlock(&o->lock);
}

/* --- targets ------------------------------------------------------------------------------------------------------ */

struct outbox *outbox_create(struct board *board) {
    struct outbox *o = alloc_zeroed(1, sizeof *o);
    o->board = board;
    pthread_mutex_init(&o->lock, NULL);
    return o;
}

static void stop_notifiers(struct notifier **notifiers, size_t count) {
    for (size_t i = 0; i < count; i++)
        notifier_stop(notifiers[i], STOP_MS / (int64_t)(count ? count : 1));
    free(notifiers);
}

static void remember_counts(struct outbox *o) {
    for (size_t i = 0; i < o->target_count; i++) {
        struct notifier_counts c;
        notifier_counts(o->notifiers[i], &c);
        o->before.sent += c.sent;
        o->before.failed += c.failed;
        o->before.dropped += c.dropped;
    }
}

void outbox_destroy(struct outbox *o) {
    if (!o)
        return;
    brake_stop(o->brake, STOP_MS);
    stop_notifiers(o->notifiers, o->target_count);
    for (size_t i = 0; i < o->fresh_count; i++)
        free(o->fresh[i].block);
    free(o->fresh);
    free(o->orders);
    free(o->said);
    free(o->finished);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static bool takes_messages(const struct notify_target *t) {
    return t->kind != NOTIFY_ALERTMANAGER; /* that one reads the board */
}

/* What is not written yet goes to the target of the same name; where there is none, to nobody. */
static void readdress(struct outbox *o, const struct notify_target *targets, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < o->fresh_count; i++) {
        struct fresh f = o->fresh[i];
        const char *name = o->targets[f.target].name;
        for (f.target = 0; f.target < count && strcmp(targets[f.target].name, name) != 0; f.target++)
            ;
        if (f.target < count && takes_messages(&targets[f.target]))
            o->fresh[kept++] = f;
        else
            free(f.block);
    }
    o->fresh_count = kept;
}

bool outbox_set_targets(struct outbox *o, const struct notify_target *targets, size_t count, struct err *err) {
    const struct notifier_hooks hooks = {o, on_finished};
    struct notifier **notifiers = alloc_zeroed(count, sizeof(struct notifier *));
    for (size_t i = 0; i < count; i++) {
        notifiers[i] = notifier_start(&targets[i], o->board, &hooks, err);
        if (notifiers[i])
            continue;
        stop_notifiers(notifiers, i);
        return false;
    }
    remember_counts(o);
    readdress(o, targets, count);
    stop_notifiers(o->notifiers, o->target_count);
    o->notifiers = notifiers;
    o->targets = targets;
    o->target_count = count;
    return true;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

void outbox_add(struct outbox *o, const struct alert_row *incident, int64_t now_ms) {
    for (size_t i = 0; i < o->target_count; i++) {
        if (!takes_messages(&o->targets[i]) || (incident->state == ALERT_RESOLVED && !o->targets[i].send_resolved))
            continue;
        if (o->fresh_count == o->fresh_size) {
            o->fresh_size = o->fresh_size ? o->fresh_size * 2 : 8;
            o->fresh = alloc_resize(o->fresh, o->fresh_size, sizeof *o->fresh);
        }
        struct fresh *f = &o->fresh[o->fresh_count++];
        f->block = alert_rows_copy(&incident, 1);
        f->message = (struct notification){.id = ++o->last, .created_ms = now_ms, .alert = *f->block};
        f->target = i;
    }
}

bool outbox_has_news(struct outbox *o) {
    pthread_mutex_lock(&o->lock);
    bool any = o->fresh_count || o->finished_count || o->order_count || o->said_count;
    pthread_mutex_unlock(&o->lock);
    return any;
}

void outbox_save(struct outbox *o, struct store *to) {
    struct buf text;
    buf_init(&text, MESSAGE_LIMIT);
    for (size_t i = 0; i < o->fresh_count; i++) {
        buf_clear(&text);
        if (notification_encode(&o->fresh[i].message, &text))
            store_put_outbox(to, o->fresh[i].message.id, o->targets[o->fresh[i].target].name, buf_span(&text));
    }
    for (size_t i = 0; i < o->order_count; i++) {
        buf_clear(&text);
        if (brake_order_encode(&o->orders[i], &text))
            store_put_outbox(to, o->orders[i].id, brake_target, buf_span(&text));
    }
    if (o->fresh_count || o->order_count)
        store_put_value(to, "outbox", (struct span){(const char *)&o->last, sizeof o->last});
    buf_deinit(&text);
    pthread_mutex_lock(&o->lock);
    o->saving = o->finished_count;
    for (size_t i = 0; i < o->saving; i++)
        store_drop_outbox(to, o->finished[i]);
    pthread_mutex_unlock(&o->lock);
}

void outbox_saved(struct outbox *o) {
    for (size_t i = 0; i < o->fresh_count; i++) {
        notifier_send(o->notifiers[o->fresh[i].target], &o->fresh[i].message);
        free(o->fresh[i].block);
    }
    o->fresh_count = 0;
    for (size_t i = 0; i < o->order_count && o->brake; i++)
        brake_send(o->brake, &o->orders[i]);
    o->order_count = 0;
    pthread_mutex_lock(&o->lock);
    o->finished_count -= o->saving;
    if (o->finished_count)
        memmove(o->finished, o->finished + o->saving, o->finished_count * sizeof *o->finished);
    o->saving = 0;
    pthread_mutex_unlock(&o->lock);
}

static bool is_finished(struct outbox *o, uint64_t id) {
    bool found = false;
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->finished_count && !found; i++)
        found = o->finished[i] == id;
    pthread_mutex_unlock(&o->lock);
    return found;
}

/* Under its name. Without a brake (it is a dry run now) nobody will ever do it. */
static void hand_over_order(struct outbox *o, uint64_t id, struct span message) {
    struct brake_order order;
    if (!brake_order_decode(message, &order)) {
        on_finished(o, id);
        return;
    }
    order.id = id;
    if (o->brake_hooks.wanted && !o->brake_hooks.wanted(o->brake_hooks.context, &order))
        on_news(o, &order, BRAKE_NEWS_GIVEN_UP);
    else if (o->brake)
        brake_send(o->brake, &order);
    else
        on_news(o, &order, BRAKE_NEWS_REFUSED);
}

static bool hand_over(void *context, uint64_t id, const char *target, struct span message) {
    struct outbox *o = context;
    struct notification n;
    if (id > o->last)
        o->last = id;
    if (is_finished(o, id)) /* delivered, but the file does not know it yet */
        return true;
    if (strcmp(target, brake_target) == 0) {
        hand_over_order(o, id, message);
        return true;
    }
    for (size_t i = 0; i < o->target_count; i++) {
        if (!takes_messages(&o->targets[i]) || strcmp(o->targets[i].name, target) != 0)
            continue;
        if (!notification_decode(message, &n))
            break;
        notifier_send(o->notifiers[i], &n);
        notification_deinit(&n);
        return true;
    }
    log_event(LOG_WARN, "a waiting notification has no target any more", LOG_FIELDS({"target", target, 0}));
    on_finished(o, id);
    return true;
}

bool outbox_load(struct outbox *o, struct store *from, struct err *err) {
    size_t len;
    uint64_t last;
    if (store_get_value(from, "outbox", &last, sizeof last, &len) && len == sizeof last && last > o->last)
        o->last = last;
    return store_each_outbox(from, hand_over, o, err);
}

static void count_brake(const struct outbox *o, struct service_row *row) {
    struct brake_counts c = {0};
    if (o->brake)
        brake_counts(o->brake, &c);
    for (int i = 0; i < BRAKE_ACTIONS; i++) {
        row->brake_done[i] = o->brake_before.done[i] + c.done[i];
        row->brake_failed[i] = o->brake_before.failed[i] + c.failed[i];
    }
    memcpy(row->brake_trouble, c.trouble, sizeof row->brake_trouble);
}

void outbox_counts(struct outbox *o, struct service_row *row) {
    row->notifications_sent = o->before.sent;
    row->notifications_failed = o->before.failed;
    row->notifications_dropped = o->before.dropped;
    row->notifications_waiting = o->fresh_count;
    for (size_t i = 0; i < o->target_count; i++) {
        struct notifier_counts c;
        notifier_counts(o->notifiers[i], &c);
        row->notifications_sent += c.sent;
        row->notifications_failed += c.failed;
        row->notifications_dropped += c.dropped;
        row->notifications_waiting += c.waiting;
    }
    count_brake(o, row);
}

/* --- the brake ---------------------------------------------------------------------------------------------------- */

void outbox_hear_brake(struct outbox *o, const struct outbox_brake_hooks *hooks) {
    o->brake_hooks = *hooks;
}

/* What is not written yet stays, for the new one; without one it is nobody's. */
static void exchange_brake(struct outbox *o, struct brake *new) {
    if (o->brake) {
        struct brake_counts c;
        brake_counts(o->brake, &c);
        for (int i = 0; i < BRAKE_ACTIONS; i++) {
            o->brake_before.done[i] += c.done[i];
            o->brake_before.failed[i] += c.failed[i];
        }
        brake_stop(o->brake, STOP_MS);
    }
    o->brake = new;
    for (size_t i = 0; !new &&i < o->order_count; i++)
        on_news(o, &o->orders[i], BRAKE_NEWS_REFUSED);
    if (!new)
        o->order_count = 0;
}

bool outbox_set_brake(struct outbox *o, const struct aws_settings *settings, struct err *err) {
    const struct brake_hooks hooks = {o, on_news};
    struct brake *new = settings ? brake_start(settings, &hooks, err) : NULL;
    if (settings && !new)
        return false;
    exchange_brake(o, new);
    return true;
}

bool outbox_set_brake_with(struct outbox *o, const struct brake_caller *caller, const struct brake_timing *timing,
                           struct err *err) {
    const struct brake_hooks hooks = {o, on_news};
    struct brake *new = brake_start_with(caller, timing, &hooks, err);
    if (new)
        exchange_brake(o, new);
    return new != NULL;
}

static void drop_fresh_orders(struct outbox *o, const char *configuration_set, bool only_pauses) {
    size_t kept = 0;
    for (size_t i = 0; i < o->order_count; i++) {
        struct brake_order order = o->orders[i];
        bool spared = only_pauses && order.action != BRAKE_ACTION_PAUSE;
        if (spared || strcmp(order.configuration_set, configuration_set) != 0)
            o->orders[kept++] = order;
        else
            on_news(o, &order, BRAKE_NEWS_GIVEN_UP);
    }
    o->order_count = kept;
}

void outbox_add_order(struct outbox *o, enum brake_action action, const char *configuration_set) {
    if (!o->brake) {
        log_event(LOG_ERROR, "there is no brake that could act", LOG_NO_FIELDS);
        return;
    }
    drop_fresh_orders(o, configuration_set, false);
    if (o->order_count == o->order_size) {
        o->order_size = o->order_size ? o->order_size * 2 : 8;
        o->orders = alloc_resize(o->orders, o->order_size, sizeof *o->orders);
    }
    struct brake_order *order = &o->orders[o->order_count++];
    *order = (struct brake_order){.id = ++o->last, .action = action};
    memcpy(order->configuration_set, configuration_set, strlen(configuration_set));
}

void outbox_forget_pause(struct outbox *o, const char *configuration_set) {
    drop_fresh_orders(o, configuration_set, true);
    if (o->brake)
        brake_forget(o->brake, configuration_set);
}

void outbox_watch(struct outbox *o, const char *configuration_set) {
    if (o->brake)
        brake_watch(o->brake, configuration_set);
}

/* A hook may have another order added, and that may have another one given up: taken with the next round. */
void outbox_take_news(struct outbox *o) {
    pthread_mutex_lock(&o->lock);
    struct said *said = o->said;
    size_t count = o->said_count;
    o->said = NULL;
    o->said_count = o->said_size = 0;
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < count; i++) {
        if (o->brake_hooks.news)
            o->brake_hooks.news(o->brake_hooks.context, &said[i].order, said[i].news);
        if (said[i].news != BRAKE_NEWS_UNSURE && said[i].news != BRAKE_NEWS_RELEASED)
            on_finished(o, said[i].order.id);
    }
    free(said);
}
