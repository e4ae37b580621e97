/* For tests/integration/alertmanager.sh: a board with alerts on it, and the notifier that tells Alertmanager of them.
 *
 *     alertmanager_board RESEND_MS URL...
 *
 * Reads lines: "fire PROVIDER", "resolve PROVIDER", "hold PROVIDER", "quit". Says "ok" after each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "sinks/notifier.h"

enum { MOST = 64 };

static struct alert_row alerts[MOST];
static size_t alert_count;
static const struct label_pair labels[] = {{"team", "mail \"ops\" \\ \xff"}};

static void destroy(struct snapshot *s) {
    free(s->alerts);
    free(s);
}

static void put(struct board *board) {
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    s->alerts = alloc_zeroed(MOST, sizeof *s->alerts);
    memcpy(s->alerts, alerts, alert_count * sizeof *alerts);
    s->alert_count = alert_count;
    board_put(board, s);
}

static struct alert_row *latest(const char *provider) {
    for (size_t i = alert_count; i > 0; i--)
        if (strcmp(alerts[i - 1].provider, provider) == 0)
            return &alerts[i - 1];
    return NULL;
}

static void fire(const char *provider, bool held) {
    if (alert_count == MOST)
        return;
    alerts[alert_count] = (struct alert_row){.alertname = "HighBounceRate",
                                             .severity = "critical",
                                             .scope = "provider",
                                             .provider = alloc_string(provider, strlen(provider)),
                                             .configuration_set = "",
                                             .rate = "bounce",
                                             .window = "1h",
                                             .summary = "Too many bounces.",
                                             .description = "13.7 % of 3,000 bounced.",
                                             .state = ALERT_FIRING,
                                             .active_ms = clock_wall_ms() - 60000,
                                             .fired_ms = clock_wall_ms() - 1000,
                                             .incident = alert_count + 1,
                                             .held = held,
                                             .labels = labels,
                                             .label_count = 1};
    alert_count++;
}

/* False: an unknown command, or the last. */
static bool obey(char *line) {
    line[strcspn(line, "\n")] = '\0';
    char *provider = strchr(line, ' ');
    if (!provider)
        return false;
    *provider++ = '\0';
    if (strcmp(line, "fire") == 0 || strcmp(line, "hold") == 0) {
        fire(provider, *line == 'h');
        return true;
    }
    struct alert_row *a = latest(provider);
    if (strcmp(line, "resolve") != 0 || !a)
        return false;
    a->state = ALERT_RESOLVED;
    a->resolved_ms = clock_wall_ms();
    return true;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    struct notify_target target = {.kind = NOTIFY_ALERTMANAGER,
                                   .name = (char *)"test",
                                   .urls = argv + 2,
                                   .url_count = (size_t)argc - 2,
                                   .send_resolved = true,
                                   .timeout_ms = 5000,
                                   .resend_ms = atoll(argv[1])};
    struct board *board = board_create(destroy);
    struct err err = {0};
    struct notifier *notifier = notifier_start(&target, board, &(struct notifier_hooks){0}, &err);
    if (!notifier) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    char line[256];
    while (fgets(line, sizeof line, stdin) && obey(line)) {
        put(board);
        puts("ok");
        fflush(stdout);
    }
    notifier_stop(notifier, 5000);
    board_destroy(board);
    for (size_t i = 0; i < alert_count; i++)
        free((char *)alerts[i].provider);
    return 0;
}
