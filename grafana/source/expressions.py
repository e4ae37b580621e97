"""PromQL that the dashboards share. Every selector carries the dashboard's job and instance.

Over several instances numerators and denominators are added up, and then divided: a mean of ratios is no rate. A rate
whose denominator is 0 is absent, as it is on /metrics.
"""

BOUNCE_REVIEW, BOUNCE_PAUSE = 0.05, 0.1
COMPLAINT_REVIEW, COMPLAINT_PAUSE = 0.001, 0.005
NO_SIMULATOR = "!=simulator"     # SES's mailbox simulator: mail to nobody, which no rate has either
CHOSEN_PROVIDERS, CHOSEN_SETS = ("=~$provider", NO_SIMULATOR), "=~$configuration_set"
PAIRS = {"provider": CHOSEN_PROVIDERS, "configuration_set": CHOSEN_SETS}


def select(metric, **labels):
    """METRIC{...}. A value is equal, unless it begins with =~, != or !~; or there are several that must all hold."""
    parts = ['job=~"$job"', 'instance=~"$instance"']
    for label, values in labels.items():
        for value in (values,) if isinstance(values, str) else values:
            sign = value[:2] if value[:2] in ("=~", "!=", "!~") else "="
            parts.append(f'{label}{sign}"{value[len(sign):] if sign != "=" else value}"')
    return f"{metric}{{{','.join(parts)}}}"


def total(expr, by=()):
    by = (by,) if isinstance(by, str) else by
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def per_second(metric, by=(), offset="", **labels):
    over = f"[$__rate_interval]{f' offset {offset}' if offset else ''}"
    return total(f"rate({select(metric, **labels)}{over})", by)


def per_minute(metric, by=(), **more):
    return f"60 * {per_second(metric, by, **more)}"


def per_hour(metric, by=(), **more):
    return f"3600 * {per_second(metric, by, **more)}"


def counted(metric, by=(), **labels):
    """How many within the last few scrapes, at each point of a chart: for what is rare."""
    return total(f"increase({select(metric, **labels)}[$__rate_interval])", by)


def in_range(metric, by=(), **labels):
    """How many in the time that the dashboard shows, at its end: for instant queries."""
    return total(f"increase({select(metric, **labels)}[$__range])", by)


def rate_part(part, rate, by=(), window="$window", basis="event", offset="", **labels):
    labels = {"rate": rate, "window": window, "basis": basis, **labels}
    return total(select(f"ses_rate_{part}", **labels) + (f" offset {offset}" if offset else ""), by)


def ratio(rate, by=(), least="0", **more):
    """Where the denominator is over 0 and at least `least`: 1 of 2 is no rate."""
    enough = "> 0" if least == "0" else f"> 0 >= {least}"
    return f"{rate_part('numerator', rate, by, **more)} / ({rate_part('denominator', rate, by, **more)} {enough})"


def of_collector(expr):
    """Of a metric that other programs have too: while the job is All, the selector alone would take theirs."""
    return f"({expr}) and on (job, instance) {select('ses_collector_build_info')}"


def up():
    """1 or 0 for each target of a job that had a collector within the last hour."""
    return f"{select('up')} and on (job) last_over_time({select('ses_collector_build_info')}[1h])"


LAST_SENDS = {"window": "=~last_.*", "basis": "sent"}
REPUTATION = {  # kind: the rate that AWS judges by, and its two thresholds
    "bounce": ("reputation_bounce", BOUNCE_REVIEW, BOUNCE_PAUSE),
    "complaint": ("complaint", COMPLAINT_REVIEW, COMPLAINT_PAUSE),
}


def reputation(kind, by=(), scope="account", least="0"):
    return ratio(REPUTATION[kind][0], by, least, scope=scope, **LAST_SENDS)


def reputation_state(kind, by=(), scope="account"):
    """1 healthy, 2 under review, 3 at risk."""
    _, review, pause = REPUTATION[kind]
    value = reputation(kind, by, scope)
    return f"1 + ({value} >= bool {review}) + ({value} >= bool {pause})"


def reputation_distance(kind, by=(), scope="account"):
    """How many more among as many mails reach the next threshold; absent beyond the second one."""
    rate, review, pause = REPUTATION[kind]
    bad = rate_part("numerator", rate, by, scope=scope, **LAST_SENDS)
    of = rate_part("denominator", rate, by, scope=scope, **LAST_SENDS)
    # A product such as 0.1 * 30 is a little over 3 in floating point, hence the 1e-9.
    return " or ".join(f"(ceil({limit} * ({of} > 0) - 1e-9) - {bad} > 0)" for limit in (review, pause))


def quantile(q, by=(), interval="$__rate_interval", **labels):
    by = (by,) if isinstance(by, str) else tuple(by)
    buckets = total(f"rate({select('ses_delivery_seconds_bucket', **labels)}[{interval}])", ("le", *by))
    return f"histogram_quantile({q}, {buckets})"


def named(expr):
    """With the label `name` for a legend: the provider or the set it is of, and "(no set)" for mail without a set."""
    joined = f'label_join({expr}, "name", "", "provider", "configuration_set")'
    return f'label_replace({joined}, "name", "(no set)", "name", "")'


# Rules over the collector's metrics keep job and instance; those that sum over them have neither, and belong to all.
ALERTS_OF_PROMETHEUS = 'ALERTS{alertstate="firing",alertname=~"$alerts",job=~"$job|",instance=~"$instance|"}'
ALERTS_OF_SERVICE = f"max by (alert, severity, scope, provider, configuration_set) ({select('ses_alert_firing')}) == 1"
