"""What the three dashboards have in common: variables, annotations, thresholds, charts, and links to each other."""
import expressions as x
import model as m

OVERVIEW, PROVIDER, COLLECTOR = "ses-overview", "ses-provider", "ses-collector"
BOUNCE_LIMITS = m.thresholds((x.BOUNCE_REVIEW, m.ORANGE), (x.BOUNCE_PAUSE, m.RED))
COMPLAINT_LIMITS = m.thresholds((x.COMPLAINT_REVIEW, m.ORANGE), (x.COMPLAINT_PAUSE, m.RED))
WEEKS = m.colours(now=m.BLUE, **{"a week before": m.GREY})
AROUND_ALL = (0.8, 1)   # of delivery rates: what the axis shows at least

# For descriptions: which time the numbers of a panel have.
EVENT_TIME = "Event time: the window ends at the newest event counted."
SCRAPE_TIME = "Time of the scrape: a backlog that is read shows as a rise when it was read, not when the mail was sent."
ESTIMATE = """increase() estimates from the scrapes, so a count can be off by a little and fractions are rounded away;
    what a series had at its very first scrape is not in it."""
COUNTED = "Each point counts the last few scrapes. Points overlap: do not add them up."

WINDOWS = ("5m", "1h", "24h", "7d")
LEAST = ("0", "20", "100", "1000", "10000")


# --- Variables, annotations, links --------------------------------------------------------------------------------


def target_variables():
    return [
        m.datasource_variable(),
        m.label_variable("job", "job", "label_values(ses_collector_build_info, job)"),
        m.label_variable("instance", "instance", 'label_values(ses_collector_build_info{job=~"$job"}, instance)',
                         description="Instances that share the mail: all of them. Full replicas: choose one, or counts "
                                     "are doubled (rates are not)."),
    ]


def rate_variables(window):
    return [
        m.choice_variable("window", "Window", WINDOWS, window, "How far back rates look from the newest event."),
        m.choice_variable("min_sent", "At least sent", LEAST, "100",
                          "Rates of one provider, set or identity are shown from so many recipients in the window: 1 "
                          "bounce of 2 is no rate."),
    ]


def alerts_variable(names):
    """names: of Prometheus's rules that are about mail or the collector. Others' alerts are not shown."""
    return m.hidden_variable("alerts", "Prometheus's alerts", "|".join(sorted(names)),
                             "Which alerts of Prometheus are shown: a regular expression of names.")


def annotations():
    return [
        m.annotation("Prometheus's alerts", x.ALERTS_OF_PROMETHEUS, "{{alertname}}",
                     "{{severity}} {{provider}} {{configuration_set}} {{source}}",
                     "severity,provider,configuration_set", m.RED),
        m.annotation("The service's alerts", x.ALERTS_OF_SERVICE, "{{alert}}",
                     "{{severity}} {{scope}} {{provider}} {{configuration_set}}", "severity,scope", m.ORANGE),
    ]


def to_provider(name="Open this provider", **variables):
    """Only between dashboards that both have the window and the least number."""
    return m.goto(PROVIDER, name, ("window", "min_sent"), **variables)


# --- Panels -------------------------------------------------------------------------------------------------------


def severity_column():
    return m.Column("Severity", label="severity", width=90,
                    mappings=m.words(("warning", "warning", m.ORANGE), ("critical", "critical", m.RED)))


def rate_columns(by, **labels):
    """Of a table whose rows are providers, sets or identities: those with enough mail."""
    sent = f"({x.rate_part('denominator', 'bounce', by, **labels)} >= $min_sent)"

    def rate(name, decimals, limits=None):
        return m.Column(f"{name.capitalize()} rate", f"{x.ratio(name, by, **labels)} and {sent}", unit="percentunit",
                        decimals=decimals, limits=limits)

    return [
        m.Column("Sent", sent, decimals=0),
        m.Column("Bounced", f"{x.rate_part('numerator', 'bounce', by, **labels)} and {sent}", decimals=0),
        rate("bounce", 2, BOUNCE_LIMITS),
        rate("complaint", 3, COMPLAINT_LIMITS),
        rate("delay", 2),
        rate("delivery", 1),
    ]


def counts(title, description, targets, bars=True, **more):
    """A chart of what is rare: how many, and no rate. targets: of x.counted."""
    return m.timeseries(title, f"{description} {COUNTED}", targets, "short", 0, bars=bars, stack=bars, calcs=m.PEAKS,
                        **more)


def sent_and_before(description, **labels):
    return m.timeseries(
        "Sent, and a week before", f"Recipients sent to, per minute. {description} {SCRAPE_TIME}",
        [m.query(x.per_minute("ses_recipients_total", event_type="send", **labels), "now"),
         m.query(x.per_minute("ses_recipients_total", event_type="send", offset="1w", **labels), "a week before")],
        "short", 1, overrides=WEEKS)
