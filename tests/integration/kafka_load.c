/* Puts records into a Kafka topic, as a producer in the field would, and damage between them.
 *
 *     kafka_load --brokers LIST --topic NAME [options] [FILE...]     one message per line of the files, or of the input
 *
 *     --partitions-by hash|round-robin|N   hash of the messageId (default); in turn; all into partition N
 *     --key none|messageId                 the messages' key (default: none)
 *     --rate N            messages in a second; 0 = as fast as possible (default)
 *     --compression NAME  none, gzip, snappy, lz4, zstd
 *     --tombstone-every N after N records a message without a value
 *     --poison-every N    after N records a message that is no record: cut, no JSON, empty, ...
 *     --confluent ID      the five bytes of a schema registry's framing, with this id, before every value
 *     --transaction commit|abort   all of it in one transaction
 *     --property NAME=VALUE        of librdkafka
 *
 * The producer is idempotent: every message is there once. Prints "records N tombstones N poison N" and fails if one
 * could not be delivered. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { PARTITION_BY_HASH = -1, PARTITION_IN_TURN = -2, TIMEOUT_MS = 60000, FLUSH_MS = 600000 };

struct load {
    rd_kafka_t *producer;
    const char *topic;
    int partition; /* or one of PARTITION_* */
    int partitions;
    bool keyed, confluent;
    uint32_t schema;
    uint64_t tombstone_every, poison_every, rate;
    const char *transaction;
    uint64_t records, tombstones, poison, failed;
    struct timespec began;
};

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "kafka_load: %s: %s\n", what, why);
    exit(1);
}

static void die_of(const char *what, rd_kafka_error_t *error) {
    if (error)
        die(what, rd_kafka_error_string(error));
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *m, void *context) {
    struct load *l = context;
    (void)producer;
    /* An aborted transaction takes back what was not sent yet: that is what was asked for. */
    if (m->err && m->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && m->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        if (!l->failed++)
            fprintf(stderr, "kafka_load: not delivered: %s\n", rd_kafka_err2str(m->err));
    }
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

struct text {
    const char *data;
    size_t len;
};

/* The value of "messageId" in a record, as it stands there; empty if there is none. */
static struct text message_id(struct text record) {
    static const char name[] = "\"messageId\":\"";
    const char *at = memmem(record.data, record.len, name, sizeof name - 1);
    if (!at)
        return (struct text){"", 0};
    at += sizeof name - 1;
    const char *end = memchr(at, '"', (size_t)(record.data + record.len - at));
    return (struct text){at, end ? (size_t)(end - at) : 0};
}

static uint32_t hash(struct text t) { /* FNV-1a */
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < t.len; i++)
        h = (h ^ (unsigned char)t.data[i]) * 16777619u;
    return h;
}

static int32_t partition_of(const struct load *l, struct text id) {
    if (l->partition >= 0)
        return l->partition;
    uint64_t n = l->partition == PARTITION_IN_TURN ? l->records + l->tombstones + l->poison : hash(id);
    return (int32_t)(n % (uint64_t)l->partitions);
}

/* `value.data` NULL: a message without a value. Waits while the producer's queue is full. */
static void produce(struct load *l, struct text value, struct text id) {
    int32_t partition = partition_of(l, id);
    for (;;) {
        rd_kafka_resp_err_t rc =
            rd_kafka_producev(l->producer, RD_KAFKA_V_TOPIC(l->topic), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)value.data, value.len),
                              RD_KAFKA_V_KEY(l->keyed ? id.data : NULL, l->keyed ? id.len : 0), RD_KAFKA_V_END);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (rc != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("produce", rd_kafka_err2str(rc));
        rd_kafka_poll(l->producer, 50);
    }
    rd_kafka_poll(l->producer, 0);
}

static void produce_record(struct load *l, struct text record) {
    static char framed[(1 << 20) * 2];
    struct text id = message_id(record);
    if (l->confluent && record.len + 5 <= sizeof framed) {
        const unsigned char head[5] = {0, (unsigned char)(l->schema >> 24), (unsigned char)(l->schema >> 16),
                                       (unsigned char)(l->schema >> 8), (unsigned char)l->schema};
        memcpy(framed, head, 5);
        memcpy(framed + 5, record.data, record.len);
        record = (struct text){framed, record.len + 5};
    }
    produce(l, record, id);
    l->records++;
}

static void produce_poison(struct load *l) {
#define POISON(s)                                                                                                      \
    { (s), sizeof(s) - 1 }
    static const struct text poison[] = {
        POISON("{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut"),
        POISON("this is no JSON"),
        POISON("{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"poison\",\"destination\":[\"a@b.example\"]}}"),
        POISON("\xff\xfe\0\1\2"),
        POISON("[1,2,3]"),
        POISON("{\"eventType\":7}"),
    };
#undef POISON
    struct text value = poison[l->poison % (sizeof poison / sizeof *poison)];
    produce(l, value, (struct text){"", 0});
    l->poison++;
}

/* Sleeps until the next message is due. */
static void keep_rate(struct load *l) {
    if (!l->rate)
        return;
    struct timespec due = l->began;
    due.tv_sec += (time_t)(l->records / l->rate);
    due.tv_nsec += (long)(l->records % l->rate * 1000000000 / l->rate);
    if (due.tv_nsec >= 1000000000)
        due.tv_nsec -= 1000000000, due.tv_sec++;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void load_lines(struct load *l, FILE *in) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, in)) >= 0) {
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (!len)
            continue;
        keep_rate(l);
        produce_record(l, (struct text){line, (size_t)len});
        if (l->tombstone_every && l->records % l->tombstone_every == 0) {
            produce(l, (struct text){NULL, 0}, message_id((struct text){line, (size_t)len}));
            l->tombstones++;
        }
        if (l->poison_every && l->records % l->poison_every == 0)
            produce_poison(l);
    }
    free(line);
}

/* --- the producer ------------------------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static void set_property(rd_kafka_conf_t *conf, char *text) {
    char *equals = strchr(text, '=');
    if (!equals)
        die(text, "expected NAME=VALUE");
    *equals = 0;
    set(conf, text, equals + 1);
}

static int count_partitions(const struct load *l) {
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(l->producer, l->topic, NULL);
    int count = 0;
    for (int tries = 0; tries < 100 && !count; tries++) { /* a topic made just now may not be known everywhere */
        rd_kafka_resp_err_t rc = rd_kafka_metadata(l->producer, 0, topic, &found, TIMEOUT_MS);
        if (rc)
            die("metadata", rd_kafka_err2str(rc));
        if (found->topic_cnt == 1 && !found->topics[0].err)
            count = found->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(found);
        if (!count)
            rd_kafka_poll(l->producer, 100);
    }
    rd_kafka_topic_destroy(topic);
    if (!count)
        die(l->topic, "no such topic");
    return count;
}

static void open_producer(struct load *l, rd_kafka_conf_t *conf) {
    char why[256];
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "20");
    set(conf, "queue.buffering.max.messages", "200000");
    if (l->transaction) {
        char id[64];
        snprintf(id, sizeof id, "kafka_load-%lld", (long long)l->began.tv_sec * 1000000000 + l->began.tv_nsec);
        set(conf, "transactional.id", id);
        set(conf, "transaction.timeout.ms", "600000");
    }
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, l);
    l->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!l->producer)
        die("producer", why);
    l->partitions = count_partitions(l);
    if (l->transaction) {
        die_of("transaction", rd_kafka_init_transactions(l->producer, TIMEOUT_MS));
        die_of("transaction", rd_kafka_begin_transaction(l->producer));
    }
}

/* An abort comes after everything was sent: the messages are there, and readers of committed ones skip them. */
static void close_producer(struct load *l) {
    rd_kafka_resp_err_t rc = rd_kafka_flush(l->producer, FLUSH_MS);
    if (rc)
        die("flush", rd_kafka_err2str(rc));
    if (l->transaction && strcmp(l->transaction, "abort") == 0)
        die_of("abort", rd_kafka_abort_transaction(l->producer, TIMEOUT_MS));
    else if (l->transaction)
        die_of("commit", rd_kafka_commit_transaction(l->producer, TIMEOUT_MS));
    rd_kafka_destroy(l->producer);
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static uint64_t number(const char *text) {
    char *end;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (errno || end == text || *end)
        die(text, "expected a number");
    return n;
}

static int partition_rule(const char *text) {
    return strcmp(text, "hash") == 0          ? PARTITION_BY_HASH
           : strcmp(text, "round-robin") == 0 ? PARTITION_IN_TURN
                                              : (int)number(text);
}

static void read_options(struct load *l, rd_kafka_conf_t *conf, int argc, char **argv) {
    static const struct option options[] = {{"brokers", 1, NULL, 'b'},       {"topic", 1, NULL, 't'},
                                            {"partitions-by", 1, NULL, 'p'}, {"key", 1, NULL, 'k'},
                                            {"rate", 1, NULL, 'r'},          {"compression", 1, NULL, 'z'},
                                            {"property", 1, NULL, 'X'},      {"tombstone-every", 1, NULL, 'T'},
                                            {"poison-every", 1, NULL, 'P'},  {"transaction", 1, NULL, 'a'},
                                            {"confluent", 1, NULL, 'c'},     {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'b':
            set(conf, "bootstrap.servers", optarg);
            break;
        case 't':
            l->topic = optarg;
            break;
        case 'p':
            l->partition = partition_rule(optarg);
            break;
        case 'k':
            l->keyed = strcmp(optarg, "messageId") == 0;
            break;
        case 'r':
            l->rate = number(optarg);
            break;
        case 'z':
            set(conf, "compression.codec", optarg);
            break;
        case 'X':
            set_property(conf, optarg);
            break;
        case 'T':
            l->tombstone_every = number(optarg);
            break;
        case 'P':
            l->poison_every = number(optarg);
            break;
        case 'a':
            l->transaction = optarg;
            break;
        case 'c':
            l->confluent = true, l->schema = (uint32_t)number(optarg);
            break;
        default:
            exit(2);
        }
    }
    if (!l->topic)
        die("--topic", "missing");
}

int main(int argc, char **argv) {
    struct load l = {.partition = PARTITION_BY_HASH};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    clock_gettime(CLOCK_MONOTONIC, &l.began);
    read_options(&l, conf, argc, argv);
    open_producer(&l, conf);
    clock_gettime(CLOCK_MONOTONIC, &l.began); /* of the messages: for the rate */
    if (optind == argc)
        load_lines(&l, stdin);
    for (int i = optind; i < argc; i++) {
        FILE *in = fopen(argv[i], "r");
        if (!in)
            die(argv[i], strerror(errno));
        load_lines(&l, in);
        fclose(in);
    }
    close_producer(&l);
    printf("records %" PRIu64 " tombstones %" PRIu64 " poison %" PRIu64 "\n", l.records, l.tombstones, l.poison);
    return l.failed ? 1 : 0;
}
