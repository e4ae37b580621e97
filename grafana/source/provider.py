"""One provider, one configuration set, or any choice of them: which rate moved, what the provider says, since when."""
import expressions as x
import model as m
import shared as s

PAIR = {"scope": "provider_configuration_set", **x.PAIRS}
LEAST = "$min_sent"
CHOSEN = "Of the chosen providers and configuration sets together."
SPLIT = """Of each provider or configuration set ("Split by"), where the denominator is at least as large as chosen ("At
    least sent")."""
EXEMPLARS = "A dot is a message that is an example, where exemplars are kept (docs/metrics.md)."
DELIVERY = """From SES taking a message in to the recipient's server taking it over, estimated from the histogram's
    buckets."""
TOLD_APART = "docs/engagement.md says how they are told apart. What machines do says nothing about people."
RATES = {  # rate: (name, what is divided by what, limits, decimals, what the axis shows at least)
    "bounce": ("Bounce rate", "recipients bounced, without the account's suppression list / recipients sent to",
               s.BOUNCE_LIMITS, 2, None),
    "complaint": ("Complaint rate", "complaints / recipients delivered to at providers with a feedback loop",
                  s.COMPLAINT_LIMITS, 3, None),
    "delivery": ("Delivery rate", "recipients delivered to / recipients sent to", None, 1, s.AROUND_ALL),
    "delay": ("Delay rate", "recipients delayed for the first time / recipients sent to", None, 2, None),
}
ACTS = {
    "bounce": "Red: stop sending to this list, and read the reasons below.",
    "complaint": "Red: look at who is on the list of the set with the most, and at how people leave it.",
    "delivery": "Low with few bounces: mail waits; see the delays.",
    "delay": "High: the provider holds mail back; send more slowly and read the reasons.",
}
AGENTS = {"human": ("by people", m.GREEN), "proxy": ("through a proxy", m.BLUE), "machine": ("by machines", m.GREY)}


def now(rate, **more):
    return x.ratio(rate, **{**PAIR, **more})


def links():
    """Of tables: to this dashboard, with what was clicked."""
    return (m.Column("Provider", label="provider", link=s.to_provider("Only this provider", provider="${__value.raw}")),
            m.Column("Configuration set", label="configuration_set",
                     link=s.to_provider("Only this set", configuration_set="${__value.raw}")))


def head_row(d):
    d.row("Now: $provider, $configuration_set, over $window")
    panels = [(4, m.stat(name, f"In the chosen window: {divided}. {s.EVENT_TIME} {ACTS[rate]}",
                         m.query(now(rate), name, instant=True), "percentunit", decimals, limits,
                         none="nothing to divide by"))
              for rate, (name, divided, limits, decimals, _) in RATES.items()]
    sent = m.stat("Sent", f"""Recipients sent to in the chosen window: what most rates are divided by. {s.EVENT_TIME}
        Small numbers make wild rates.""",
        m.query(x.rate_part("denominator", "bounce", **PAIR), "sent", instant=True), "short", 0)
    slow = m.stat("p95 to deliver", f"""95 of 100 recipients were delivered to within this time; of deliveries read
        within the time shown. {s.SCRAPE_TIME}""",
        m.query(x.quantile(0.95, interval="$__range", **x.PAIRS), "p95", instant=True), "s", 1)
    d.line(4, (4, sent), *panels, (4, slow))


def over_time(rate):
    name, divided, limits, decimals, around = RATES[rate]
    more = " The dashed lines are AWS's thresholds for an account." if limits else ""
    more += " The axis does not begin at 0." if around else ""
    return 12, m.timeseries(
        f"{name} over time", f"In the chosen window: {divided}. {SPLIT} {s.EVENT_TIME}{more}",
        [m.query(x.named(x.ratio(rate, "$by", LEAST, **PAIR)), "{{name}}")], "percentunit", decimals, limits,
        calcs=("mean", "min") if around else m.WITH_GAPS, around=around)


def rates_row(d):
    d.row("Rates")
    d.line(8, over_time("bounce"), over_time("complaint"))
    d.line(8, over_time("delivery"), over_time("delay"))
    both = m.table(
        "Every rate, with its two numbers", f"""All rates in the chosen window, and what is divided by what
        (docs/metrics.md, "The rates"). {CHOSEN} {s.EVENT_TIME} A rate whose denominator is 0 is absent, not 0.""",
        [m.Column("Rate", label="rate"),
         m.Column("Share", x.ratio("=~.+", "rate", **PAIR), unit="percentunit", decimals=3),
         m.Column("Numerator", x.rate_part("numerator", "=~.+", "rate", **PAIR), decimals=0),
         m.Column("Denominator", x.rate_part("denominator", "=~.+", "rate", **PAIR), decimals=0)], "Denominator")
    each = m.table(
        "Each provider and set", f"""Rates of each pair in the chosen window, with at least the chosen number of
        recipients sent to; the highest bounce rate first, 100 at most. {s.EVENT_TIME} This is where one customer's list
        at one provider stands out.""",
        [*links(), *s.rate_columns(("provider", "configuration_set"), **PAIR)], "Bounce rate", rows=100)
    d.line(11, (8, both), (16, each))


def why(what, metric, told):
    """The reasons of bounces or delays: how many, and over time."""
    reasons = f"topk(15, {x.in_range(metric, 'reason', **x.PAIRS)} > 0)"
    return (
        (8, m.bargauge(f"Reasons of {what}", f"""{told}, within the time shown, by reason: our classes (docs/reasons.md
            says what to do about each). {s.SCRAPE_TIME} {s.ESTIMATE}""",
            [m.query(reasons, "{{reason}}", instant=True)], "short", 0)),
        (16, per_hour(f"Reasons of {what}, per hour", f"""{told}, per hour, by reason. {s.SCRAPE_TIME} A reason that was
            not there yesterday is the one to read about. {EXEMPLARS}""", metric, "reason", exemplars=True)),
    )


def per_hour(title, description, metric, by, exemplars=False, **more):
    """A stack of what there is, by a label."""
    return m.timeseries(title, description,
                        [m.query(x.per_hour(metric, by, **x.PAIRS), f"{{{{{by}}}}}", exemplars=exemplars)], "short", 1,
                        stack=True, bars=True, **more)


def bounces_row(d):
    d.row("Bounces")
    d.line(9, *why("bounces", "ses_bounce_reasons_total", "Recipients bounced"))
    by = ("bounce_type", "bounce_subtype")
    d.line(8,
           (12, per_hour("Bounces by type, per hour", f"""Recipients bounced, per hour, by SES's type. {s.SCRAPE_TIME}
               Permanent ones count for AWS; Transient ones come after SES gave up trying.""", "ses_bounces_total",
               "bounce_type", overrides=m.colours(Permanent=m.RED, Transient=m.ORANGE, Undetermined=m.GREY))),
           (12, m.table("Bounces by subtype", f"""Recipients bounced within the time shown, by what SES says.
               OnAccountSuppressionList was never sent, and is in no rate. {s.SCRAPE_TIME} {s.ESTIMATE}""",
               [m.Column("Type", label="bounce_type"), m.Column("Subtype", label="bounce_subtype"),
                m.Column("Bounced", f"{x.in_range('ses_bounces_total', by, **x.PAIRS)} > 0", decimals=0)], "Bounced")))


def delays_row(d):
    d.row("Delays")
    metric = "ses_delivery_delays_total"
    told = "Recipients in delay events (one recipient can be delayed several times)"
    d.line(8, *why("delays", "ses_delay_reasons_total", told))
    d.line(8,
           (12, per_hour("Delays by type, per hour", f"""{told}, per hour, by SES's type. {s.SCRAPE_TIME}
               TransientCommunicationFailure and IPFailure at one provider: it limits you.""", metric, "delay_type")),
           (12, per_hour("Delays by provider, per hour", f"""{told}, per hour, by provider. {s.SCRAPE_TIME} One provider
               alone: it holds mail back. All of them: look at SES, or at your network.""", metric, "provider")))


def per_provider(expr):
    return f"sum by (provider) (increase({expr}[$__range]))"


def latency_row(d):
    d.row("Time to deliver")
    count, spent = (x.select(f"ses_delivery_seconds_{part}", **x.PAIRS) for part in ("count", "sum"))
    d.line(9,
           (12, m.timeseries("Percentiles", f"""{DELIVERY} {CHOSEN} {s.SCRAPE_TIME} p50 says how it is; p99 says whether
               some mail waits for hours. The axis is logarithmic. {EXEMPLARS}""",
               [m.query(x.quantile(q, **x.PAIRS), f"p{int(q * 100)}", exemplars=q == 0.99)
                for q in (0.5, 0.9, 0.95, 0.99)], "s", 1,
               log=True)),
           (12, m.heatmap("How many took how long", f"""{DELIVERY} Deliveries per minute, by the bucket they fall into.
               {s.SCRAPE_TIME} {EXEMPLARS}""",
               m.query(x.per_minute("ses_delivery_seconds_bucket", "le", **x.PAIRS), "{{le}}", heatmap=True,
                       exemplars=True), "s")))
    p95 = x.quantile(0.95, "$by", **x.PAIRS)
    enough = f"{x.counted('ses_delivery_seconds_count', '$by', **x.PAIRS)} >= 20"
    slowest = m.table(
        "Slowest providers", f"{DELIVERY} Of deliveries read within the time shown. {s.SCRAPE_TIME}",
        [m.Column("Provider", label="provider"),
         m.Column("Deliveries", per_provider(count), decimals=0),
         m.Column("Mean", f"{per_provider(spent)} / ({per_provider(count)} > 0)", unit="s", decimals=1),
         *(m.Column(f"p{int(q * 100)}", x.quantile(q, "provider", "$__range", **x.PAIRS), unit="s", decimals=1)
           for q in (0.5, 0.95, 0.99))], "p95")
    d.line(9,
           (12, m.timeseries("p95 of each", f"""{DELIVERY} 95 of 100 within this time, of each provider or set ("Split
               by"), where the last few scrapes had 20 deliveries: the p95 of fewer is their slowest. {s.SCRAPE_TIME}
               The axis is logarithmic.""",
               [m.query(x.named(f"({p95} and {enough})"), "{{name}}")], "s", 1, log=True,
               calcs=m.WITH_GAPS)),
           (12, slowest))


def shares(what, *rates):
    """rates: (rate, whose)"""
    names = [(rate, f"{what.lower()} {AGENTS[agent][0]}", AGENTS[agent][1]) for rate, agent in rates]
    return 12, m.timeseries(
        f"{what}, of what was delivered", f"""Messages {what.lower()}, each once, by whom / recipients delivered to, in
        the chosen window. {CHOSEN} {TOLD_APART} {s.EVENT_TIME} People's share that falls at one provider while mail is
        delivered: it goes to the spam folder.""",
        [m.query(now(rate), name) for rate, name, _ in names], "percentunit", 2,
        overrides=m.colours(**{name: colour for _, name, colour in names}))


def all_and_unique(what, *agents):
    kinds = (("all", f"ses_{what}_total"), ("unique", f"ses_unique_{what}_total"))
    return 12, m.timeseries(
        f"All {what}, and unique ones, per hour", f"""{what.capitalize()} per hour by whom: every one that SES reports,
        and (unique) each message once. {s.SCRAPE_TIME} Many by machines at once: a filter looks at a whole mailing.""",
        [m.query(x.per_hour(metric, agent=agent, **x.PAIRS), f"{kind} {AGENTS[agent][0]}")
         for kind, metric in kinds for agent in agents], "short", 1)


def engagement_row(d):
    d.row("Engagement")
    d.line(8, shares("Opened", ("open", "human"), ("proxy_open", "proxy"), ("machine_open", "machine")),
           shares("Clicked", ("click", "human"), ("machine_click", "machine")))
    d.line(8, all_and_unique("opens", *AGENTS), all_and_unique("clicks", "human", "machine"))


def complaints_row(d):
    d.row("Complaints and subscriptions")
    of_pairs = x.in_range("ses_recipients_total", tuple(x.PAIRS), event_type="complaint", **x.PAIRS)
    d.line(7,
           (8, s.counts("Complaints by feedback type", f"""Complaints by what the provider reports.
               OnAccountSuppressionList and not-spam are in no rate. {s.SCRAPE_TIME} {s.ESTIMATE}""",
               [m.query(x.counted("ses_complaints_total", "feedback_type", **x.PAIRS), "{{feedback_type}}")])),
           (8, m.table("Complaints", f"""Complaints of every type within the time shown, by who complained and of which
               set. {s.SCRAPE_TIME} {s.ESTIMATE} Gmail and Apple send no feedback to SES.""",
               [*links(), m.Column("Complaints", f"{of_pairs} > 0", decimals=0)], "Complaints", rows=50)),
           (8, s.counts("Subscriptions", f"""Changes of subscription preferences by what changed and how. Of the chosen
               sets; SES does not tell the provider. {s.SCRAPE_TIME} Many leave after one mailing: too much, or not
               wanted.""",
               [m.query(x.counted("ses_subscription_changes_total", ("change", "source"),
                                  configuration_set=x.CHOSEN_SETS), "{{change}} {{source}}")])))


def and_before(rate):
    name, divided, limits, decimals, around = RATES[rate]
    return 8, m.timeseries(
        f"{name}, and a week before", f"In the chosen window: {divided}. {CHOSEN} {s.EVENT_TIME}",
        [m.query(now(rate), "now"), m.query(now(rate, offset="1w"), "a week before")], "percentunit", decimals, limits,
        overrides=s.WEEKS, around=around)


def week_row(d):
    d.row("Against the week before")
    by, before = "provider", {"offset": "1w", **PAIR}
    d.line(8, (8, s.sent_and_before(CHOSEN, **x.PAIRS)), and_before("bounce"), and_before("delivery"))

    def change(rate):
        return f"{x.ratio(rate, by, LEAST, **PAIR)} - {x.ratio(rate, by, LEAST, **before)}"

    sent = x.rate_part("denominator", "bounce", by, **PAIR) + f" >= {LEAST}"
    d.line(8, (24, m.table(
        "What changed", f"""Each provider in the chosen window, and in the same window a week before, where both have at
        least the chosen number of recipients sent to; and the difference of the shares. {s.EVENT_TIME} A provider whose
        bounce rate grew while the others' did not has a new rule, or a new opinion of you.""",
        [links()[0],
         m.Column("Sent", sent, decimals=0),
         m.Column("Sent a week before", f"{x.rate_part('denominator', 'bounce', by, **before)} and {sent}", decimals=0),
         m.Column("Bounce rate", x.ratio("bounce", by, LEAST, **PAIR), unit="percentunit", decimals=2,
                  limits=s.BOUNCE_LIMITS),
         m.Column("A week before", f"{x.ratio('bounce', by, LEAST, **before)} and {sent}", unit="percentunit",
                  decimals=2),
         m.Column("Change of bounces", change("bounce"), unit="percentunit", decimals=2),
         m.Column("Change of deliveries", change("delivery"), unit="percentunit", decimals=2)], "Change of bounces")))


def on_both_bases(title, what, **labels):
    return 12, m.timeseries(
        f"Bounce rate on both bases, {title}", f"""The same rate on two bases. event: what happened in the window. sent:
        what became of the mail that was sent in the window, which grows for as long as answers come. They differ while
        what is sent changes much (docs/counting.md). On the basis sent there are no pairs, so this is {what}.
        {s.EVENT_TIME}""",
        [m.query(x.ratio("bounce", basis=basis, **labels), basis) for basis in ("event", "sent")],
        "percentunit", 2, s.BOUNCE_LIMITS, overrides=m.colours(event=m.BLUE, sent=m.ORANGE))


def bases_row(d):
    d.row("By when it happened, and by when the mail was sent")
    d.line(8,
           on_both_bases("chosen providers", "of the chosen providers, whatever the set", scope="provider",
                         provider=x.CHOSEN_PROVIDERS),
           on_both_bases("chosen sets", "of the chosen sets, whatever the provider", scope="configuration_set",
                         configuration_set=x.CHOSEN_SETS))


def other_row(d):
    d.row("Rejects, templates, tags", folded=True)
    sets, by = {"configuration_set": x.CHOSEN_SETS}, ("template", "configuration_set")
    d.line(7,
           (8, s.counts("Rejects", f"""Recipients of messages that SES took in and refused to send, by reason.
               {s.SCRAPE_TIME}""",
               [m.query(x.counted("ses_rejects_total", "reason", **sets), "{{reason}}")])),
           (8, m.table("Templates that failed", f"""Recipients of messages that could not be made from their template,
               within the time shown. {s.SCRAPE_TIME} {s.ESTIMATE}""",
               [m.Column("Template", label="template"), m.Column("Configuration set", label="configuration_set"),
                m.Column("Recipients", f"{x.in_range('ses_rendering_failures_total', by, **sets)} > 0", decimals=0)],
               "Recipients", rows=50)),
           (8, m.table("Message tags", f"""Recipients sent to within the time shown, by the tags that the configuration
               counts (counting.tags); nothing without. Of all providers and sets. {s.SCRAPE_TIME} {s.ESTIMATE}""",
               [m.Column("Tag", label="tag"), m.Column("Value", label="value"),
                m.Column("Sent", f"{x.in_range('ses_tag_recipients_total', ('tag', 'value'), event_type='send')} > 0",
                         decimals=0)], "Sent", rows=50)))


def variables(alert_names):
    of_target = 'job=~"$job",instance=~"$instance"'
    providers = f'label_values(ses_recipients_total{{{of_target},provider!="simulator"}}, provider)'
    provider = m.label_variable(
        "provider", "Provider", providers, ".*", "SES's mailbox simulator is left out, as it is in every rate.")
    sets = f"label_values(ses_events_total{{{of_target}}}, configuration_set)"
    configuration_set = m.label_variable(
        "configuration_set", "Configuration set", sets, ".*",
        "Mail without a set is in All, and cannot be chosen alone.")
    by = m.choice_variable("by", "Split by", ("provider", "configuration_set"), "provider",
                           "What a line of a chart is.")
    return [*s.target_variables(), provider, configuration_set, *s.rate_variables("24h"), by,
            s.alerts_variable(alert_names)]


def make(alert_names):
    d = m.Dashboard(
        s.PROVIDER, "SES: Provider and configuration set", """What became of the mail to a provider, of a configuration
        set, or of any choice of both: rates with their numbers, reasons, delays, times, engagement, and the week
        before. Without SES's mailbox simulator.""", variables(alert_names), s.annotations(), "24h")
    for add in (head_row, rates_row, bounces_row, delays_row, latency_row, engagement_row, complaints_row, week_row,
                bases_row, other_row):
        add(d)
    return d
