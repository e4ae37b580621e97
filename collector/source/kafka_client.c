/* librdkafka's handles: their log, their errors, their tokens. */
#include <stdlib.h>

#include "aws/msk_token.h"
#include "aws/session.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/kafka_internal.h"

/* --- log and errors ----------------------------------------------------------------------------------------------- */

enum { SYSLOG_CRITICAL = 2, SYSLOG_WARNING = 4, SYSLOG_INFO = 6 };

static void take_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    const struct kafka_handle *h = rd_kafka_opaque(rk);
    if (strcmp(facility, "CONFWARN") == 0)
        return; /* a consumer's property is no use to the producer: that is known */
    enum log_level ours = level <= SYSLOG_CRITICAL  ? LOG_ERROR
                          : level <= SYSLOG_WARNING ? LOG_WARN
                          : level <= SYSLOG_INFO    ? LOG_INFO
                                                    : LOG_DEBUG;
    log_event(ours, "kafka client", LOG_FIELDS({"source", h->name, 0}, {"about", facility, 0}, {"text", text, 0}));
}

static void take_error(rd_kafka_t *rk, int error, const char *reason, void *handle) {
    struct kafka_handle *h = handle;
    rd_kafka_resp_err_t e = (rd_kafka_resp_err_t)error;
    h->take_error(h->owner, rk, e);
    log_event(LOG_WARN, "kafka error",
              LOG_FIELDS({"source", h->name, 0}, {"error", rd_kafka_err2name(e), 0}, {"text", reason, 0}));
}

static void take_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *handle) {
    struct kafka_handle *h = handle;
    h->rebalance(rk, e, list, h->owner);
}

static void take_committed(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *handle) {
    struct kafka_handle *h = handle;
    h->offsets_committed(rk, e, list, h->owner);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

enum { TOKEN_LIMIT = 32 << 10 };

/* Asked for anew each time: four times an hour, and a session that stayed would have to outlive librdkafka's threads.
 */
static bool find_credentials(const struct kafka_handle *h, struct aws_credentials *c, struct err *err) {
    struct aws_session *session = aws_session_open(&(struct aws_settings){.region = h->options->msk_iam_region}, err);
    bool ok = session && aws_session_credentials(session, c, h->stop, err);
    aws_session_close(session);
    return ok;
}

static bool set_token(rd_kafka_t *rk, const struct kafka_handle *h, struct err *err) {
    struct aws_credentials credentials;
    if (!find_credentials(h, &credentials, err))
        return false;
    struct buf token;
    buf_init(&token, TOKEN_LIMIT);
    int64_t now_ms = clock_wall_ms(), until_ms = now_ms + MSK_TOKEN_SECONDS * INT64_C(1000);
    if (credentials.expires_ms < until_ms)
        until_ms = credentials.expires_ms; /* the token is good for no longer than what it is signed with */
    char text[256];
    bool ok = msk_token_make(h->options->msk_iam_region, &credentials, now_ms, &token, err);
    if (ok && rd_kafka_oauthbearer_set_token(rk, token.data, until_ms, "ses-collector", NULL, 0, text, sizeof text))
        ok = err_set(err, ERR_CONFIG, "librdkafka does not take the MSK token: %s", text);
    if (token.data)
        aws_wipe(token.data, token.size);
    buf_deinit(&token);
    aws_credentials_deinit(&credentials);
    return ok;
}

static void refresh_token(rd_kafka_t *rk, const char *config, void *handle) {
    const struct kafka_handle *h = handle;
    struct err err = {0};
    (void)config;
    if (set_token(rk, h, &err))
        return;
    log_event(LOG_ERROR, "kafka token not made", LOG_FIELDS({"source", h->name, 0}, {"error", err.text, 0}));
    rd_kafka_oauthbearer_set_token_failure(rk, err.text);
}

/* --- the handle --------------------------------------------------------------------------------------------------- */

rd_kafka_t *kafka_client_create(struct kafka_handle *h, rd_kafka_conf_t *conf, rd_kafka_type_t type, struct err *err) {
    bool tokens = h->options->msk_iam_region != NULL;
    char text[256];
    rd_kafka_conf_set_opaque(conf, h);
    rd_kafka_conf_set_log_cb(conf, take_log);
    rd_kafka_conf_set_error_cb(conf, take_error);
    if (type == RD_KAFKA_CONSUMER && h->rebalance)
        rd_kafka_conf_set_rebalance_cb(conf, take_rebalance);
    if (type == RD_KAFKA_CONSUMER && h->offsets_committed)
        rd_kafka_conf_set_offset_commit_cb(conf, take_committed);
    if (tokens) {
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, refresh_token);
        rd_kafka_conf_enable_sasl_queue(conf, 1);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        err_set(err, ERR_CONFIG, "the Kafka client cannot be made: %s", text);
        return NULL;
    }
    rd_kafka_error_t *error = tokens ? rd_kafka_sasl_background_callbacks_enable(rk) : NULL;
    if (error) {
        err_set(err, ERR_CONFIG, "the Kafka client cannot refresh its token: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        rd_kafka_destroy(rk);
        return NULL;
    }
    return rk;
}

bool kafka_is_cooperative(rd_kafka_t *rk) {
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}
