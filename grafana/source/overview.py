"""The overview: how the account stands, whether somebody must act, and where to look next."""
import expressions as x
import model as m
import shared as s

STATES = m.words((1, "healthy", m.GREEN), (2, "under review", m.ORANGE), (3, "at risk", m.RED))
STATE_LIMITS = m.thresholds((2, m.ORANGE), (3, m.RED))
VOLUMES = (("send", "sent", m.BLUE), ("delivery", "delivered", m.GREEN), ("bounce", "bounced", m.RED),
           ("complaint", "complained", m.ORANGE))
STANDING = {  # kind: thresholds, their words, what is divided, decimals, (few, many) that are left, what to do
    "bounce": (s.BOUNCE_LIMITS, "5 %", "10 %", """permanent bounces / recipients sent to, both without domains that the
        account has verified""", 2, (10, 50), """When it is not green: see which provider and set below, and stop
        sending to that list."""),
    # 0.1 % of 10,000 sends is 10 complaints: of these few are left on the best of days.
    "complaint": (s.COMPLAINT_LIMITS, "0.1 %", "0.5 %", """complaints / recipients delivered to at providers with a
        feedback loop""", 3, (2, 4), """When it is not green: find the set with the most complaints below, and look at
        who is on its list."""),
}


def standing(kind):
    name = kind.capitalize()
    limits, review, pause, divided, decimals, (few, many), act = STANDING[kind]
    return (
        (4, m.stat(f"{name} rate at AWS", f"""The {kind} rate that AWS judges the account by: {divided}, over the last
            sends (10,000 unless configured otherwise), of all instances together. An estimate: AWS does not say over
            how many sends it looks. Orange from {review}, at which AWS reviews an account; red from {pause}, at which
            it may pause sending. {act}""",
            m.query(x.reputation(kind), name, instant=True), "percentunit", decimals, limits, none="no mail")),
        (3, m.stat(f"{name} state", f"""The same rate against AWS's two thresholds: healthy under {review}, under review
            from {review}, at risk from {pause}.""",
            m.query(x.reputation_state(kind), name, instant=True), "none", 0, STATE_LIMITS, STATES, none="no mail")),
        (3, m.stat(f"{name}s left", f"""How many more {kind}s among as many mails reach the next of AWS's two thresholds
            ({review}, {pause}). Red under {few}, green from {many}. Says "past both" beyond the second one.""",
            m.query(x.reputation_distance(kind), name, instant=True), "short", 0,
            m.thresholds((few, m.ORANGE), (many, m.GREEN), base=m.RED), none="past both")),
    )


def standing_over_time(kind):
    limits, decimals = STANDING[kind][0], STANDING[kind][4]
    of_sets = x.named(x.reputation(kind, "configuration_set", "configuration_set", "$min_sent"))
    return m.timeseries(
        f"{kind.capitalize()} rate at AWS, over time", f"""The account's {kind} rate over the last sends, as AWS judges
        it, and that of each configuration set with as many sends as chosen ("At least sent"). {s.EVENT_TIME} The dashed
        lines are AWS's thresholds. A set that rises alone is the one to stop.""",
        [m.query(x.reputation(kind), "account"), m.query(f"topk(8, {of_sets})", "{{name}}")],
        "percentunit", decimals, limits, overrides=[m.override("account", custom__lineWidth=3)])


def standing_row(d):
    d.row("Standing with AWS")
    fresh = m.stat("Newest event", """Age of the newest event counted, of the instance that is furthest behind. What
        stands beside it is as old. Orange from 15 minutes, red from an hour: no mail was sent, or events do not arrive;
        the collector's dashboard says which.""",
        m.query(f"time() - min({x.select('ses_collector_watermark_timestamp_seconds')})", "age", instant=True), "s", 0,
        m.thresholds((900, m.ORANGE), (3600, m.RED)), none="no events", links=[m.goto(s.COLLECTOR, "The collector")])
    d.line(4, *standing("bounce"), *standing("complaint"), (4, fresh))
    d.line(8, (12, standing_over_time("bounce")), (12, standing_over_time("complaint")))


def alerts_row(d):
    d.row("Alerts that fire")
    labels = [m.Column("Scope", label="scope"),
              m.Column("Provider", label="provider", link=s.to_provider(provider="${__value.raw}")),
              m.Column("Configuration set", label="configuration_set",
                       link=s.to_provider("Open this set", configuration_set="${__value.raw}"))]
    of_service = m.table(
        "Alerts of the service", """What ses-collector's own rules say now, judged minute by minute in event time. Empty
        is good. Alerts that are muted, being part of a wider one, are in the service's page and not here.""",
        [s.severity_column(), m.Column("Alert", label="alert"), *labels,
         m.Column("Firing", x.ALERTS_OF_SERVICE, shown=False)], "Severity", descending=False)
    by = "severity, alertname, scope, instance, provider, configuration_set"
    of_prometheus = m.table(
        "Alerts of Prometheus", """What the rules in grafana/rules say now: about mail, and about the collector itself.
        Empty is good, or the rules are not loaded. Rules with other names are shown when the address has
        var-alerts=REGEX.""",
        [s.severity_column(), m.Column("Alert", label="alertname"), m.Column("Instance", label="instance"), *labels,
         m.Column("Firing", f"max by ({by}) ({x.ALERTS_OF_PROMETHEUS})", shown=False)], "Severity", descending=False)
    over_time = m.timeseries(
        "Firing over time", """How many alerts of the service fired at each moment, by rule. A block that begins at one
        time for many scopes has one cause.""",
        [m.query(f"sum by (alert, severity) ({x.ALERTS_OF_SERVICE})", "{{alert}} {{severity}}")], "short", 0,
        stack=True, calcs=m.PEAK)
    d.line(6, (8, of_service), (9, of_prometheus), (7, over_time))


def within_the_time(title, what, metric, limits=None, **labels):
    """One number: how many in the time shown."""
    return 3, m.stat(title, f"{what} {s.ESTIMATE}", m.query(x.in_range(metric, **labels), title.lower(), instant=True),
                     "short", 0, limits)


def volumes_row(d):
    d.row("Volumes")
    counts = [within_the_time(name.capitalize(), f"""Recipients {name} within the time shown, without SES's mailbox
              simulator. {s.SCRAPE_TIME}""", "ses_recipients_total", event_type=kind, provider=x.NO_SIMULATOR)
              for kind, name, _ in VOLUMES]
    d.line(4, *counts,
           within_the_time("Opened by people", "Messages that a person opened, each once, within the time shown.",
                           "ses_unique_opens_total", agent="human"),
           within_the_time("Clicked by people", """Messages in which a person followed a link, each once, within the
                           time shown.""", "ses_unique_clicks_total", agent="human"),
           within_the_time("Unsubscribed", """Subscriptions that opted out, of one topic or of all, within the
                           time shown.""",
                           "ses_subscription_changes_total", change="=~opt_out|unsubscribe_all"),
           within_the_time("Rejected", """Recipients of messages that SES took in and refused to send (a virus) within
                           the time shown. Not 0: something sends malware through the account.""", "ses_rejects_total",
                           m.thresholds((1, m.ORANGE), (100, m.RED))))
    per_minute = [m.query(x.per_minute("ses_recipients_total", event_type=kind, provider=x.NO_SIMULATOR), name)
                  for kind, name, _ in VOLUMES[:3]]
    d.line(8,
           (12, m.timeseries("Recipients per minute", f"""Recipients sent to, delivered, and bounced (all kinds, the
               suppression list's too), per minute, without SES's mailbox simulator. {s.SCRAPE_TIME} Sent and delivered
               should run together; a gap that stays is a provider that defers, or a destination that lost an event
               type.""", per_minute, "short", 1, overrides=m.colours(**{name: c for _, name, c in VOLUMES[:3]}))),
           (12, s.sent_and_before("Far below the week before, with nothing planned: a sender hangs.",
                                  provider=x.NO_SIMULATOR)))


def rates(title, description, names, limits=None, decimals=2, window="$window", **more):
    """A chart of the account's rates. names: (rate, what it is called)."""
    queries = [m.query(x.ratio(rate, scope="account", window=window), label) for rate, label in names]
    return 8, m.timeseries(title, f"{description} {s.EVENT_TIME}", queries, "percentunit", decimals, limits, **more)


def rates_row(d):
    d.row("Rates of the account")
    d.line(8,
           rates("Bounces", """Recipients bounced / recipients sent to, in the window, without the account's suppression
               list. The dashed lines are AWS's thresholds. Permanent ones count for AWS; transient ones say that a
               provider holds mail back.""",
               (("bounce", "all"), ("permanent_bounce", "permanent"), ("transient_bounce", "transient")),
               s.BOUNCE_LIMITS),
           rates("Complaints (24h)", """Complaints / recipients delivered to at providers with a feedback loop, in 24
               hours, since complaints are few and come late. The dashed lines are AWS's thresholds.""",
               (("complaint", "complaints"),), s.COMPLAINT_LIMITS, 3, "24h"),
           rates("Deliveries", """Recipients delivered to / recipients sent to, in the window. Over 100 % when what was
               delivered was sent before the window. Falls while mail is delayed. The axis does not begin at 0.""",
               (("delivery", "delivered"),), decimals=1, around=s.AROUND_ALL))
    latency = m.timeseries("Time to deliver", f"""From SES taking a message in to the recipient's server taking it over:
        half of the recipients within p50, 95 of 100 within p95, estimated from the histogram's buckets. {s.SCRAPE_TIME}
        p95 that rises alone: one provider defers; see its dashboard. The axis is logarithmic.""",
        [m.query(x.quantile(q), f"p{int(q * 100)}") for q in (0.5, 0.95)], "s", 1, log=True)
    d.line(8,
           rates("Delays, rejects, failures", """Recipients delayed for the first time / sent to; rejected / sent to or
               rejected; not rendered / sent to or not rendered. Failures that begin at a release are a template without
               its data.""",
               (("delay", "delayed"), ("reject", "rejected"), ("rendering_failure", "not rendered"))),
           rates("Engagement", """Messages opened and clicked, each once / recipients delivered to: by people, through a
               mail service's proxy (a person, but not when or where), and by machines, which tell nothing.""",
               (("open", "opened by people"), ("proxy_open", "opened through a proxy"),
                ("machine_open", "opened by machines"), ("click", "clicked by people"),
                ("machine_click", "clicked by machines"))),
           (8, latency))


def worst_row(d):
    d.row("Where it is worst")
    told = f"""in the chosen window, of those with at least the chosen number of recipients sent to; the highest bounce
        rate first. Each rate has its own denominator: complaints are divided by deliveries at providers with a feedback
        loop, and absent (not 0) elsewhere. {s.EVENT_TIME}"""

    def worst(title, description, label, link=None):
        columns = [m.Column(label.replace("_", " ").capitalize(), label=label, link=link),
                   *s.rate_columns(label, scope=label)]
        return 12, m.table(title, description, columns, "Bounce rate", rows=50)

    reasons = f"topk(12, {x.in_range('ses_bounce_reasons_total', 'reason', provider=x.NO_SIMULATOR)} > 0)"
    d.line(8,
           worst("Providers", f"Rates of each provider {told} A click opens the provider.", "provider",
                 s.to_provider(provider="${__value.raw}")),
           worst("Configuration sets", f"""Rates of each configuration set {told} The row without a name is mail without
                 a set.""", "configuration_set", s.to_provider("Open this set", configuration_set="${__value.raw}")))
    d.line(8,
           worst("Sending identities", f"""Rates of each sending identity (a domain, or *@ and the domain of an address)
                 {told}""", "identity"),
           (12, m.bargauge("Why mail bounced", f"""Recipients bounced within the time shown, by reason (docs/reasons.md
               says what to do about each). {s.SCRAPE_TIME} {s.ESTIMATE} reputation_block and spam_content: stop and
               look at what is sent; invalid_recipient: clean the list.""", 
               [m.query(reasons, "{{reason}}", instant=True)], "short", 0)))


def make(alert_names):
    d = m.Dashboard(
        s.OVERVIEW, "SES: Overview", """How the account stands with AWS, what fires, how much mail goes out and what
        becomes of it, and which provider or configuration set to look at.""",
        [*s.target_variables(), *s.rate_variables("1h"), s.alerts_variable(alert_names)], s.annotations(), "24h")
    for add in (standing_row, alerts_row, volumes_row, rates_row, worst_row):
        add(d)
    return d
