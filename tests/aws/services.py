"""What the double has beside buckets: STS, SQS, SNS, SES v2, and the endpoints of a machine (IMDSv2) and of a container that
give out credentials. All in memory.
"""
import hashlib
import json
import secrets
import threading
import time
import uuid
from urllib.parse import parse_qsl, unquote

from buckets import element, iso8601
from signature import Refused
from web import Answer

ACCOUNT = "123456789012"


def json_answer(value, status=200, kind="application/json", headers=None):
    return Answer(status, json.dumps(value).encode(), {"Content-Type": kind, **(headers or {})})


# --- credentials ------------------------------------------------------------------------------------------------------------

class Key:
    def __init__(self, secret, who, token=None, expires=None):
        self.secret, self.who, self.token, self.expires = secret, who, token, expires


class Issuer:
    """Gives out temporary credentials, which the double then knows and lets expire."""

    def __init__(self, keys, config, clock):
        self.keys, self.config, self.clock = keys, config, clock

    def issue(self, who, seconds):
        seconds = self.config["lifetime"] or seconds
        key_id = "ASIA" + secrets.token_hex(8).upper()
        # Both look as AWS's do: letters that have to be encoded in a URL.
        secret, token = secrets.token_urlsafe(24) + "+/" + secrets.token_urlsafe(4), "IQoJ" + secrets.token_urlsafe(90) + "+/=="
        expires = self.clock() + seconds
        self.keys[key_id] = Key(secret, who, token, expires)
        return key_id, secret, token, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))


# --- STS and SNS, which speak XML -------------------------------------------------------------------------------------------

def query_error(status, code, message):
    return Answer(status, ('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
                           + element("Code", code) + element("Message", message)
                           + "</Error><RequestId>double</RequestId></ErrorResponse>").encode(), {"Content-Type": "text/xml"})


def query_result(action, inner):
    return Answer(200, (f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{inner}'
                        f"</{action}Result><ResponseMetadata><RequestId>double</RequestId></ResponseMetadata>"
                        f"</{action}Response>").encode(), {"Content-Type": "text/xml"})


def form_of(request):
    return dict(parse_qsl(request.body.decode("utf-8", "replace") or request.query, keep_blank_values=True))


class Sts:
    def __init__(self, issuer, config):
        self.issuer, self.config = issuer, config

    def op(self, request):
        return form_of(request).get("Action", "?")

    def answer(self, request, caller):
        form = form_of(request)
        action = form.get("Action")
        if action == "AssumeRoleWithWebIdentity":
            self.check_token(form)
            return self.assume(form, action, "web")
        if caller.who is None:
            raise Refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        if action == "GetCallerIdentity":
            return query_result(action, element("Arn", caller.who) + element("UserId", "AIDADOUBLE")
                                + element("Account", ACCOUNT))
        if action == "AssumeRole":
            return self.assume(form, action, caller.who)
        raise Refused(400, "InvalidAction", f"Could not find operation {action}")

    def check_token(self, form):
        if self.config["web_token"] not in (None, form.get("WebIdentityToken")):
            raise Refused(400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT.")

    def assume(self, form, action, caller):
        arn, session = form.get("RoleArn", ""), form.get("RoleSessionName", "")
        role = self.config["roles"].get(arn, {})
        if not arn.startswith("arn:") or not session:
            raise Refused(400, "ValidationError", "1 validation error detected")
        if (role.get("denied") or role.get("external_id") != form.get("ExternalId")
                or role.get("trusts") not in (None, caller)):
            raise Refused(403, "AccessDenied", f"User: {caller} is not authorized to perform: sts:{action} on resource: {arn}")
        who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{arn.rsplit('/', 1)[-1]}/{session}"
        key, secret, token, expires = self.issuer.issue(who, int(form.get("DurationSeconds", 3600)))
        inner = ("<Credentials>" + element("AccessKeyId", key) + element("SecretAccessKey", secret)
                 + element("SessionToken", token) + element("Expiration", expires) + "</Credentials><AssumedRoleUser>"
                 + element("Arn", who) + element("AssumedRoleId", f"AROADOUBLE:{session}") + "</AssumedRoleUser>")
        return query_result(action, inner)


class Sns:
    def __init__(self):
        self.confirmed = []

    def op(self, request):
        return form_of(request).get("Action", "?")

    def answer(self, request, _caller):
        form = form_of(request)
        if form.get("Action") != "ConfirmSubscription":
            raise Refused(400, "InvalidAction", "The double only confirms subscriptions.")
        if not form.get("Token") or not form.get("TopicArn"):
            raise Refused(400, "InvalidParameter", "Invalid parameter: Token")
        self.confirmed.append({"topic": form["TopicArn"], "token": form["Token"]})
        return query_result("ConfirmSubscription", element("SubscriptionArn", f"{form['TopicArn']}:{uuid.uuid4()}"))


# --- SQS --------------------------------------------------------------------------------------------------------------------

class Message:
    def __init__(self, body, now):
        self.id, self.body, self.sent = str(uuid.uuid4()), body, now
        self.visible_at, self.received, self.receipt = 0.0, 0, None


class Queue:
    def __init__(self, name):
        self.name, self.messages, self.changed = name, [], threading.Condition()
        self.visibility, self.deleted, self.extended = 30, 0, 0


class Sqs:
    KIND = "application/x-amz-json-1.0"

    def __init__(self, config):
        self.config, self.queues = config, {}

    def op(self, request):
        return (request.header("x-amz-target") or "?").rpartition(".")[2]

    def answer(self, request, caller):
        if caller.who is None:
            raise Refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        given = json.loads(request.body or b"{}")
        known = {name: getattr(self, name) for name in dir(type(self)) if name[0].isupper() and name != "KIND"}
        if self.op(request) not in known:
            raise Refused(400, "InvalidAction", "The double does not have this.")
        return json_answer(known[self.op(request)](given, request), kind=self.KIND)

    def queue(self, given):
        name = given.get("QueueUrl", "").rstrip("/").rpartition("/")[2] or given.get("QueueName", "")
        if name not in self.queues:
            raise Refused(400, "QueueDoesNotExist", "The specified queue does not exist.")
        return self.queues[name]

    def url(self, request, name):
        # Another host than the one that was asked, as services behind an endpoint of the user's do.
        return {"QueueUrl": f"https://{self.config['queue_host'] or request.host}/{ACCOUNT}/{name}"}

    def CreateQueue(self, given, request):
        queue = self.queues.setdefault(given["QueueName"], Queue(given["QueueName"]))
        queue.visibility = int(given.get("Attributes", {}).get("VisibilityTimeout", queue.visibility))
        return self.url(request, queue.name)

    def GetQueueUrl(self, given, request):
        return self.url(request, self.queue(given).name)

    def GetQueueAttributes(self, given, _request):
        return {"Attributes": {k: str(v) for k, v in self.counts(self.queue(given)).items()}}

    def PurgeQueue(self, given, _request):
        self.queue(given).messages.clear()
        return {}

    def SendMessage(self, given, _request):
        queue = self.queue(given)
        message = Message(given["MessageBody"], time.time())
        with queue.changed:
            queue.messages.append(message)
            queue.changed.notify_all()
        return {"MessageId": message.id, "MD5OfMessageBody": hashlib.md5(message.body.encode()).hexdigest()}

    def SendMessageBatch(self, given, request):
        sent = [{"Id": e["Id"], **self.SendMessage({**e, "QueueUrl": given["QueueUrl"]}, request)} for e in given["Entries"]]
        return {"Successful": sent, "Failed": []}

    def ReceiveMessage(self, given, _request):
        queue = self.queue(given)
        most, wait = given.get("MaxNumberOfMessages", 1), given.get("WaitTimeSeconds", 0)
        if not 1 <= most <= 10 or not 0 <= wait <= 20:
            raise Refused(400, "InvalidParameterValue", "Value for parameter is invalid. Reason: Must be between 1 and 10.")
        until = time.time() + wait
        visibility = given.get("VisibilityTimeout", queue.visibility)
        with queue.changed:
            while True:
                now = time.time()
                found = [m for m in queue.messages if m.visible_at <= now][:most]
                if found or now >= until:
                    break
                queue.changed.wait(min(0.2, until - now))
            return {"Messages": [self.hand_out(m, now, visibility, given) for m in found]} if found else {}

    def hand_out(self, m, now, visibility, given):
        m.visible_at, m.received, m.receipt = now + visibility, m.received + 1, "AQEB" + secrets.token_urlsafe(40) + "+/="
        shown = {"MessageId": m.id, "ReceiptHandle": m.receipt, "Body": m.body,
                 "MD5OfBody": hashlib.md5(m.body.encode()).hexdigest()}
        wanted = given.get("MessageSystemAttributeNames", []) + given.get("AttributeNames", [])
        attributes = {"ApproximateReceiveCount": str(m.received), "SentTimestamp": str(int(m.sent * 1000))}
        attributes = {k: v for k, v in attributes.items() if k in wanted or "All" in wanted}
        return {**shown, "Attributes": attributes} if attributes else shown

    def batch(self, given, change):
        queue = self.queue(given)
        good, bad = [], []
        if not 1 <= len(given["Entries"]) <= 10:
            raise Refused(400, "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
        with queue.changed:
            for entry in given["Entries"]:
                message = next((m for m in queue.messages if m.receipt == entry["ReceiptHandle"]), None)
                why = "ReceiptHandleIsInvalid" if message is None else change(queue, message, entry)
                if why:
                    bad.append({"Id": entry["Id"], "SenderFault": True, "Code": why, "Message": why})
                else:
                    good.append({"Id": entry["Id"]})
            queue.changed.notify_all()
        return {"Successful": good, "Failed": bad}

    def DeleteMessageBatch(self, given, _request):
        def change(queue, message, _entry):
            queue.messages.remove(message)
            queue.deleted += 1
        return self.batch(given, change)

    def ChangeMessageVisibilityBatch(self, given, _request):
        def change(queue, message, entry):
            if message.visible_at <= time.time():
                return "MessageNotInflight"
            message.visible_at = time.time() + int(entry["VisibilityTimeout"])
            queue.extended += 1
            return None
        return self.batch(given, change)

    def one(self, given, batch):
        failed = batch({"QueueUrl": given["QueueUrl"], "Entries": [{"Id": "1", **given}]}, None)["Failed"]
        if failed:
            raise Refused(400, failed[0]["Code"], "The input receipt handle is invalid.")
        return {}

    def DeleteMessage(self, given, _request):
        return self.one(given, self.DeleteMessageBatch)

    def ChangeMessageVisibility(self, given, _request):
        return self.one(given, self.ChangeMessageVisibilityBatch)

    def counts(self, queue):
        now = time.time()
        hidden = sum(m.visible_at > now for m in queue.messages)
        return {"ApproximateNumberOfMessages": len(queue.messages) - hidden, "ApproximateNumberOfMessagesNotVisible": hidden,
                "VisibilityTimeout": queue.visibility}

    def state(self):
        return {q.name: {**self.counts(q), "deleted": q.deleted, "extended": q.extended,
                         "received": sum(m.received for m in q.messages)} for q in self.queues.values()}


def json_error(status, code, message):
    return json_answer({"__type": f"com.amazonaws.sqs#{code}", "message": message}, status, Sqs.KIND,
                       {"x-amzn-query-error": f"AWS.SimpleQueueService.{code};Sender"})


# --- SES v2 -----------------------------------------------------------------------------------------------------------------

class Ses:
    def __init__(self, config):
        self.config = config
        self.sets, self.account, self.suppressed, self.changes = {}, True, {}, []

    def op(self, request):
        parts = unquote(request.path).split("/")[3:]
        if parts[:1] == ["configuration-sets"] and parts[2:] == ["sending"] and request.method == "PUT":
            return "PutConfigurationSetSendingOptions"
        if parts[:1] == ["configuration-sets"] and len(parts) == 2 and request.method == "GET":
            return "GetConfigurationSet"
        return {("PUT", "account/sending"): "PutAccountSendingAttributes", ("GET", "account"): "GetAccount",
                ("PUT", "suppression/addresses"): "PutSuppressedDestination"}.get((request.method, "/".join(parts)), "?")

    def answer(self, request, caller):
        op = self.op(request)
        if caller.who is None:
            raise Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if "ses:" + op in self.config["denied"]:
            raise Refused(403, "AccessDeniedException", f"User: {caller.who} is not authorized to perform: ses:{op}")
        given = json.loads(request.body or b"{}")
        name = unquote(request.path.split("/")[4]) if "ConfigurationSet" in op else None
        if name is not None and self.config["configuration_sets"] and name not in self.config["configuration_sets"]:
            raise Refused(404, "NotFoundException", f"Configuration set <{name}> does not exist.")
        self.changes.append({"op": op, "set": name, **{k: v for k, v in given.items() if k != "EmailAddress"}})
        if op == "PutConfigurationSetSendingOptions":
            self.sets[name] = bool(given.get("SendingEnabled", False))
        elif op == "GetConfigurationSet":
            return json_answer({"ConfigurationSetName": name, "SendingOptions": {"SendingEnabled": self.sets.get(name, True)}})
        elif op == "PutAccountSendingAttributes":
            self.account = bool(given.get("SendingEnabled", False))
        elif op == "GetAccount":
            return json_answer({"SendingEnabled": self.account, "EnforcementStatus": "HEALTHY",
                                "ProductionAccessEnabled": True})
        elif op == "PutSuppressedDestination" and given.get("Reason") in ("BOUNCE", "COMPLAINT") and given.get("EmailAddress"):
            self.suppressed[given["EmailAddress"]] = given["Reason"]
        else:
            raise Refused(400, "BadRequestException", "The double does not take this.")
        return json_answer({})

    def state(self):
        return {"sets": self.sets, "account": self.account, "suppressed": self.suppressed, "changes": self.changes}


def rest_error(status, code, message):
    return json_answer({"message": message}, status, headers={"x-amzn-ErrorType": code + ":http://internal.amazon.com/coral/"})


# --- what a machine and a container give out ---------------------------------------------------------------------------------

class Machine:
    """IMDSv2: a token first; with it the name of the role, its credentials, the region."""

    def __init__(self, issuer, config):
        self.issuer, self.config, self.tokens = issuer, config, {}

    def op(self, request):
        if request.path == "/latest/api/token":
            return "Token"
        return "Region" if request.path == "/latest/meta-data/placement/region" else "Credentials"

    def answer(self, request, _caller):
        if self.op(request) == "Token":
            seconds = request.header("x-aws-ec2-metadata-token-ttl-seconds")
            if request.method != "PUT" or not seconds or request.header("x-forwarded-for"):
                return Answer(400)
            token = secrets.token_urlsafe(40) + "=="
            self.tokens[token] = time.time() + int(seconds)
            return Answer(200, token.encode(), {"x-aws-ec2-metadata-token-ttl-seconds": seconds})
        if self.tokens.get(request.header("x-aws-ec2-metadata-token"), 0) < time.time():
            return Answer(401)
        role = self.config["machine_role"]
        base = "/latest/meta-data/iam/security-credentials/"
        if self.op(request) == "Region":
            return Answer(200, self.config["machine_region"].encode())
        if not role or request.path not in (base, base + role):
            return Answer(404)
        if request.path == base:
            return Answer(200, role.encode())
        return self.credentials(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/i-0double",
                                {"Code": "Success", "Type": "AWS-HMAC"})

    def credentials(self, who, more):
        key, secret, token, expires = self.issuer.issue(who, 21600)
        return json_answer({**more, "LastUpdated": iso8601(time.time()), "AccessKeyId": key, "SecretAccessKey": secret,
                            "Token": token, "Expiration": expires})


class Container(Machine):
    """GET with the token that the environment or a file says."""

    def op(self, _request):
        return "Credentials"

    def answer(self, request, _caller):
        wanted = self.config["container_token"]
        if wanted is not None and request.header("authorization") != wanted:
            return json_answer({"code": "UnauthorizedException", "message": "wrong token"}, 401)
        return self.credentials(f"arn:aws:sts::{ACCOUNT}:assumed-role/task/double", {"RoleArn": "task"})
