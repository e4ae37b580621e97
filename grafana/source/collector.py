"""The collector itself: does it run, is it current, does it lose anything, what stands in its way."""
import expressions as x
import model as m
import shared as s

OK_LIMITS = m.thresholds((1, m.GREEN), base=m.RED)
TROUBLE_LIMITS = m.thresholds((1, m.RED))
WARNING_LIMITS = m.thresholds((1, m.ORANGE))
AGE_LIMITS = m.thresholds((900, m.ORANGE), (3600, m.RED))
OF_INSTANCE = "of each instance"
NOT_COUNTED = (("events_duplicate_total", "duplicate"), ("events_late_total", "late"),
               ("events_future_total", "future"), ("records_filtered_total", "filtered"))


# --- Queries ------------------------------------------------------------------------------------------------------


def own(metric, **labels):
    return x.select(f"ses_collector_{metric}", **labels)


def gauge(metric, calc="sum", by=()):
    return f"{calc} by ({', '.join(by)}) ({own(metric)})" if by else f"{calc}({own(metric)})"


def per_second(metric, by=()):
    return x.per_second(f"ses_collector_{metric}", by)


def per_minute(metric, by=()):
    return x.per_minute(f"ses_collector_{metric}", by)


def per_hour(metric, by=()):
    return x.per_hour(f"ses_collector_{metric}", by)


def counted(metric, by=()):
    return x.counted(f"ses_collector_{metric}", by)


def over_range(metric, by=()):
    return x.in_range(f"ses_collector_{metric}", by)


def of_process(metric):
    return x.of_collector(x.select(metric))


# --- Panels -------------------------------------------------------------------------------------------------------


def chart(title, description, queries, unit="short", decimals=0, width=8, **more):
    """queries: (PromQL, legend)."""
    return width, m.timeseries(title, description, [m.query(*query) for query in queries], unit, decimals, **more)


def one(title, description, expr, unit="short", width=3, limits=None, mappings=None, none=None):
    """One number of now."""
    return width, m.stat(title, description, m.query(expr, title, instant=True), unit, 0, limits, mappings, none)


def head_row(d):
    d.row("Now")
    d.line(4,
           one("Up", """Instances that Prometheus can scrape. Red: none; see the service's log. Less than you run: one
               is gone.""", f"sum({x.up()}) or vector(0)", limits=OK_LIMITS),
           one("Not ready", """Instances whose /-/ready does not answer 200: starting, reading a backlog, or in trouble
               (docs/operations.md, "Readiness").""", f"sum(1 - {own('ready')})", limits=WARNING_LIMITS,
               none="none is up"),
           one("Newest event", """Age of the newest event counted, of the instance that is furthest behind. All that is
               shown elsewhere is as old.""", f"time() - {gauge('watermark_timestamp_seconds', 'min')}", "s",
               limits=AGE_LIMITS, none="no events"),
           one("Kafka lag", """Messages not yet counted, of all partitions. Red where it would take minutes to read;
               what counts is whether it falls (below).""", gauge("kafka_lag_messages"),
               limits=m.thresholds((10000, m.ORANGE), (1000000, m.RED)), none="no Kafka"),
           one("Sources in trouble", """Sources that something stands in the way of. The service's page and its log say
               what.""", gauge("source_trouble"), limits=TROUBLE_LIMITS, none="no service"),
           one("State writable", """0: the disk is full, or the state file cannot be written; the input waits, nothing
               is lost (docs/operations.md, "When the disk is full").""", gauge("state_writable", "min"),
               limits=OK_LIMITS, mappings=m.words((0, "no", m.RED), (1, "yes", m.GREEN)), none="no service"),
           one("Sending paused", """Configuration sets, or the account, that the brake has paused. They stay so until
               somebody lets them go on (docs/aws.md, "The brake").""", 
               f"count({own('brake_paused')} == 1) or vector(0)", limits=TROUBLE_LIMITS),
           one("Configuration", """Whether the configuration on disk is the one that runs. Refused: the log names line
               and column, and the one before goes on.""", gauge("config_last_reload_successful", "min"),
               limits=OK_LIMITS, mappings=m.words((0, "refused", m.RED), (1, "runs", m.GREEN)), none="no service"))
    d.line(6, what_runs(),
           chart("Alerts that fire", "Alerts of the service and of Prometheus that fired, by name.",
                 [(f"sum by (alert) ({x.ALERTS_OF_SERVICE})", "{{alert}} (service)"),
                  (f"sum by (alertname) ({x.ALERTS_OF_PROMETHEUS})", "{{alertname}} (Prometheus)")], stack=True,
                 calcs=m.PEAK),
           chart("Ready, behind", f"""{OF_INSTANCE.capitalize()}: 1 while it is ready, and 1 while a backlog is read;
                 alerts that begin in a backlog are held back.""",
                 [(own("ready"), "ready {{instance}}"), (own("behind"), "behind {{instance}}")],
                 calcs=("min", "lastNotNull")))


def what_runs():
    started = x.select("process_start_time_seconds")
    return 8, m.table(
        "What runs", "Version of each instance, and how long it has run.",
        [m.Column("Instance", label="instance"), m.Column("Version", label="version"),
         m.Column("Runs for", f"(time() - {started}) * on (job, instance) group_left (version) {own('build_info')}",
                  unit="s", decimals=0)], "Runs for", hidden=("job", "__name__"))


def freshness_row(d):
    d.row("Freshness and lag")
    by_partition = gauge("kafka_lag_messages", "sum", ("topic", "partition"))
    d.line(8,
           chart("Age of the newest event", f"""The clock less the newest event time counted, {OF_INSTANCE}. It grows by
                 one second a second while nothing arrives. A few minutes are normal with Firehose, which buffers.""",
                 [(f"time() - {own('watermark_timestamp_seconds')}", "{{instance}}")], "s", limits=AGE_LIMITS),
           chart("Age of the newest of each type", """The clock less the newest event time of each event type, over all
                 instances. One type that grows while the others do not: its event destination was changed. Rare types,
                 such as rejects, are old in good health. The axis is logarithmic.""",
                 [(f"time() - {gauge('last_event_timestamp_seconds', 'max', ('event_type',))}", "{{event_type}}")], "s",
                 log=True),
           chart("Sources that are read to the end", """1 while everything that a source has is counted. With 0 for
                 long: it comes faster than it is read, or the source hangs.""",
                 [(gauge("source_caught_up", "min", ("instance", "source")), "{{source}} {{instance}}")],
                 calcs=("min", "lastNotNull")))
    d.line(8,
           chart("Kafka lag by topic", """Messages not yet counted, by topic, over all instances: each partition is
                 counted by the one that reads it. Growing: slower than the mail (docs/kafka.md).""",
                 [(gauge("kafka_lag_messages", "sum", ("source", "topic")), "{{source}} {{topic}}")], width=12),
           chart("Kafka lag by partition", """Messages not yet counted, the 20 partitions with the most. One alone: a
                 key that is far too frequent, or a partition that nobody reads.""",
                 [(f"topk(20, {by_partition})", "{{topic}} {{partition}}")], width=12))


def throughput_row(d):
    d.row("Throughput")
    d.line(8,
           chart("Records read", f"Records read per second, damaged ones included, by source. {s.SCRAPE_TIME}",
                 [(per_second("records_read_total", ("source",)), "{{source}}")], "recps", 2),
           chart("Bytes", f"Bytes per second, as stored and after decompression. {s.SCRAPE_TIME}",
                 [(per_second("bytes_read_total", ("source",)), "{{source}} as stored"),
                  (per_second("bytes_decoded_total", ("source",)), "{{source}} decompressed")], "Bps", 1),
           chart("Batches that wait", """Read and understood, not yet counted, of each instance. Always full: counting
                 or the disk is the bottleneck, and not the source.""",
                 [(gauge("queue_batches", "sum", ("instance", "queue")), "{{queue}} {{instance}}")]))


def losses_row(d):
    d.row("What was not counted")
    d.line(8,
           chart("Duplicate, late, future, filtered, per hour", f"""Records per hour that were understood and not
                 counted, and why (docs/operations.md, "The accounting"). {s.SCRAPE_TIME} late: raise counting.lateness;
                 duplicate over some per cent: two event destinations.""",
                 [(per_hour(metric), name) for metric, name in NOT_COUNTED], decimals=1, width=7),
           chart("Malformed by reason, per hour", f"""Records per hour that could not be understood (docs/operations.md,
                 "Malformed records"). {s.SCRAPE_TIME} Not 0 for long: look into the quarantine.""",
                 [(per_hour("records_malformed_total", ("reason",)), "{{reason}}")], decimals=1, stack=True,
                 width=7),
           (10, m.table("Within the time shown", f"Records within the time shown, by source. {s.ESTIMATE}",
                        [m.Column("Source", label="source"),
                         *(m.Column(name.capitalize(), over_range(metric, "source"), decimals=0) for metric, name in
                           (("records_read_total", "read"), ("records_counted_total", "counted"), *NOT_COUNTED)),
                         m.Column("Malformed", over_range("records_malformed_total", "source"), decimals=0,
                                  limits=m.thresholds((1, m.ORANGE), base="transparent"))], "Read")))
    never_row(d)


def never_row(d):
    """What is 0 in good health."""
    parts = ["records_counted_total", *(metric for metric, _ in NOT_COUNTED), "records_malformed_total"]
    identity = " - ".join(x.total(own(metric)) for metric in ("records_read_total", *parts))
    d.line(5,
           one("Unaccounted for", """Records read less all that the accounting knows: counted, duplicate, late, future,
               filtered, malformed, since the state began. Always 0. Anything else is a mistake of the program; please
               report it.""", identity, width=4, limits=m.thresholds((0, m.GREEN), (1, m.RED), base=m.RED),
               none="no service"),
           one("Gone from Kafka unread", f"""Messages whose topic's retention had passed before they were read, within
               the time shown: counts are too low by them. {s.ESTIMATE}""", over_range("kafka_lost_messages_total"),
               width=5, limits=TROUBLE_LIMITS, none="no Kafka"),
           one("Counted twice", f"""Messages that another member of a Kafka group counted too, within the time shown.
               {s.ESTIMATE}""", over_range("kafka_counted_twice_total"), width=5, limits=WARNING_LIMITS,
               none="no Kafka"),
           one("First opens forgotten", f"""First opens and clicks forgotten for want of room within the time shown:
               such messages may count as unique again. Raise counting.max_visits. {s.ESTIMATE}""",
               over_range("visits_forgotten_total"), width=5, limits=WARNING_LIMITS),
           (5, m.bargauge("Names folded into other", f"""Names that found their label full within the time shown, by
               label. Their mail is counted, under other. Raise counting.max_names, or find who makes so many.
               {s.ESTIMATE}""",
               [m.query(over_range("label_overflow_total", "label"), "{{label}}", instant=True)], "short", 0,
               WARNING_LIMITS)))


def commits_row(d):
    d.row("State and commits")
    buckets = x.per_second("ses_collector_commit_seconds_bucket", ("le", "instance"))
    d.line(8,
           chart("Time of a commit", f"""How long commits of the state took, {OF_INSTANCE}: half of them, and 99 of 100,
                 estimated from the histogram's buckets. Over the commit interval (1 s by default): the disk is too
                 slow.""", [(f"histogram_quantile({q}, {buckets})", f"p{int(q * 100)} {{{{instance}}}}")
                            for q in (0.5, 0.99)], "s", 1),
           chart("Commits per minute", f"""Commits of the state, {OF_INSTANCE}. At most one in each commit interval, and
                 only when there is something to write.""",
                 [(per_minute("commit_seconds_count", ("instance",)), "{{instance}}")], decimals=2),
           chart("Size of the state", f"""Size of the state file, {OF_INSTANCE}. It grows with the events within the
                 lateness and the pairs that are active, and does not shrink.""",
                 [(own("state_bytes"), "{{instance}}")], "bytes", 1))
    d.line(7,
           chart("Rows held", f"""Time series that the program holds, {OF_INSTANCE}. Not the number of samples on
                 /metrics.""", [(own("series"), "{{instance}}")]),
           chart("Samples on /metrics", f"""What Prometheus took at each scrape, {OF_INSTANCE}. counting.max_names
                 limits it.""", [(of_process("scrape_samples_scraped"), "{{instance}}")]),
           chart("Time of a scrape", f"How long Prometheus's scrape took, {OF_INSTANCE}.",
                 [(of_process("scrape_duration_seconds"), "{{instance}}")], "s", 1))


def process_row(d):
    d.row("Process")
    cpu = x.of_collector(f"rate({x.select('process_cpu_seconds_total')}[$__rate_interval])")
    files = x.of_collector(f"{x.select('process_open_fds')} / {x.select('process_max_fds')}")
    d.line(7,
           chart("Memory", f"""Memory of the process that is in RAM, {OF_INSTANCE} (docs/architecture.md says what takes
                 how much).""", [(of_process("process_resident_memory_bytes"), "{{instance}}")], "bytes", 1, width=6),
           chart("Processor time", f"""Of one processor, {OF_INSTANCE}. One thread counts: about 100 % is its limit,
                 each source adds one that parses.""", [(cpu, "{{instance}}")], "percentunit", 2, width=6),
           chart("Open files, of the limit", f"""Open file descriptors / how many may be open, {OF_INSTANCE}. At the
                 limit no connection is taken.""", [(files, "{{instance}}")], "percentunit", 2, width=6,
                 limits=m.thresholds((0.8, m.RED))),
           chart("Domains learned", f"Domains whose provider was told by what replies say, {OF_INSTANCE}.",
                 [(own("domains_learned"), "{{instance}}")], width=6))


def sources_row(d):
    d.row("Sources: buckets, queues, pushes, dead letters", folded=True)
    d.line(8,
           chart("Objects per minute", f"""Objects (files) taken up, by what became of them. {s.SCRAPE_TIME} unreadable:
                 permissions or damage; the log names the object.""",
                 [(per_minute("objects_read_total", ("source", "result")), "{{source}} {{result}}")], decimals=2),
           chart("Requests to buckets, per minute", """Listings and downloads, tried again ones included. They
                 cost money.""",
                 [(per_minute("s3_requests_total", ("source",)), "{{source}}")], decimals=1),
           chart("Trouble of sources", """1 while something stands in the way of a source. The page and the log say
                 what.""", [(gauge("source_trouble", "max", ("instance", "source")), "{{source}} {{instance}}")],
                 calcs=m.PEAKS))
    dead = [m.query(counted(f"dead_letters_{metric}total", ("source",)), f"{{{{source}}}} {what}")
            for metric, what in (("", "sent"), ("failed_", "failed"))]
    d.line(8,
           chart("Messages of queues, per minute", """SQS messages by what became of them. refused: the queue names
                 buckets that the configuration does not.""",
                 [(per_minute("sqs_messages_total", ("source", "result")), "{{source}} {{result}}")], decimals=1),
           chart("Pushes per minute", """Requests of Firehose, SNS and others by how they were answered. unauthorized or
                 forbidden: a wrong key, topic or signature; busy: it cannot keep up, and they send again.""",
                 [(per_minute("push_requests_total", ("endpoint", "result")), "{{endpoint}} {{result}}")], decimals=2),
           (8, s.counts("Dead letters", """Records that could not be understood: sent to the dead letter topic, and
               those that could not be sent.""", dead, bars=False)))


def telling_row(d):
    d.row("Telling others: notifications, brake, suppression list", folded=True)
    d.line(8,
           (8, s.counts("Notifications", """Attempts to tell Alertmanager, webhooks and Slack of alerts: all, failed,
               and given up. Given up: somebody was not told; the log says who.""",
               [m.query(counted(f"notifications_{metric}total"), name)
                for metric, name in (("", "attempts"), ("failed_", "failed"), ("dropped_", "given up"))], bars=False)),
           chart("Notifications that wait", f"Not yet delivered, {OF_INSTANCE}. Growing: the target does not answer.",
                 [(own("notifications_waiting"), "{{instance}}")]),
           (8, s.counts("The brake", """What the brake made of incidents, and its calls to SES. would_pause: it is only
               being tried.""",
               [m.query(counted("brake_decisions_total", "decision"), "decided: {{decision}}"),
                m.query(counted("brake_actions_total", ("action", "result")), "{{action}}: {{result}}")])))
    d.line(8,
           chart("Paused, and in trouble", """1 while sending is paused (the account's has no name), and while the brake
                 cannot do what it decided.""",
                 [(gauge("brake_paused", "max", ("configuration_set",)), "paused {{configuration_set}}"),
                  (gauge("brake_trouble", "max", ("instance",)), "trouble {{instance}}")], calcs=m.PEAKS),
           chart("Suppression list", f"""Addresses on the list, and those still to be handed on to SES or a webhook,
                 {OF_INSTANCE}. Waiting ones that grow: the other side does not take them.""",
                 [(own("suppression_addresses"), "on the list {{instance}}"),
                  (own("suppression_waiting"), "waiting {{instance}}")]),
           (8, s.counts("Addresses handed on", """By result: taken, refused for good, failed (tried again); and those
               that found the list full.""",
               [m.query(counted("suppression_told_total", ("result",)), "{{result}}"),
                m.query(counted("suppression_dropped_total"), "list full")], bars=False)))


def remote_write_row(d):
    d.row("Remote write", folded=True)
    by, newest = ("target",), gauge("remote_write_last_written_timestamp_seconds", "min", ("target",))
    d.line(8,
           chart("Samples per second", """Samples by target: written, refused by the receiver for good, and given up.
                 Refused: too old for its out-of-order window, or somebody else writes the same series.""",
                 [(per_second(f"remote_write_samples_{metric}total", by), f"{{{{target}}}} {what}")
                  for metric, what in (("", "written"), ("refused_", "refused"), ("dropped_", "given up"))], width=7),
           chart("Requests per minute", "Requests by target: all, and failed ones, which are mostly made again.",
                 [(per_minute("remote_write_requests_total", by), "{{target}} all"),
                  (per_minute("remote_write_requests_failed_total", by), "{{target}} failed")], decimals=1, width=6),
           chart("Samples that wait", "Samples not yet written, by target.",
                 [(gauge("remote_write_samples_waiting", "sum", by), "{{target}}")], width=5),
           chart("Age of the newest written", """The clock less the time of the newest sample that the receiver took, by
                 target. Growing: it does not take any.""", [(f"time() - {newest}", "{{target}}")], "s", width=6))


def workers_row(d):
    d.row("Normalising workers", folded=True)
    d.line(8,
           chart("Written by workers", """Normalised records, and the events in them, that were written in committed
                 transactions, per second, over all workers (docs/normalized-events.md).""",
                 [(per_second("normalized_records_total"), "records"),
                  (per_second("normalized_events_total"), "events")], "recps", 1),
           chart("Records of each worker", """Normalised records written per second, of each worker. One far below the
                 others: its partitions have less, or it hangs.""",
                 [(per_second("normalized_records_total", ("instance",)), "{{instance}}")], "recps", 1),
           chart("Transactions per minute", """Kafka transactions by result. Aborted ones are done again, and nothing is
                 written twice; many: rebalances, or a broker in trouble.""",
                 [(per_minute("transactions_total", ("result",)), "{{result}}")], decimals=1))


def make(alert_names):
    d = m.Dashboard(
        s.COLLECTOR, "SES: Collector", """Whether ses-collector runs, is current, and counts everything it is given; and
        what stands in its way if not.""", [*s.target_variables(), s.alerts_variable(alert_names)],
        s.annotations(), "6h", "30s")
    for add in (head_row, freshness_row, throughput_row, losses_row, commits_row, process_row, sources_row, telling_row,
                remote_write_row, workers_row):
        add(d)
    return d
