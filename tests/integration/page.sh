#!/usr/bin/env bash
# The page in a real browser: what Chromium makes of it with and without scripts, light, dark and on a phone, under the
# policy that the server sends; and the metrics of the same service as promtool sees them. The service is made up
# (write_page.c), so every number is known. WRITE_PAGE is that program, SCREENSHOTS a folder to keep the pictures in.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

WRITE_PAGE=${WRITE_PAGE:-$(dirname "$SES_COLLECTOR")/tests/write_page}
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
pictures=${SCREENSHOTS:-$work}
server=

cleanup() {
    [[ -z $server ]] || kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

# A browser of its own for each call: nothing is left over from the one before.
browse() { # OPTION... URL
    local profile status
    profile=$(mktemp -d "$work/profile.XXXXXX")
    timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
        --enable-logging=stderr --hide-scrollbars --user-data-dir="$profile" "$@" 2>browser.err
    status=$?
    rm -rf "$profile"
    return "$status"
}

# Serves views of the page with the headers of the real server, and notes every request in the file `requests`. The view
# is what the file `view` names at that moment. /?noscript is the page where no script may run; /frame/WIDTH shows the
# page in a frame of that width, since 500 is the least that headless Chromium makes its window.
cat >serve.py <<'PYTHON'
import http.server, subprocess, sys
POLICY = ("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'; "
          "connect-src 'self'")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("requests", "a") as f:
            f.write(self.path + "\n")
        policy, body = POLICY, b""
        if self.path == "/?noscript":
            policy = policy.replace("script-src 'unsafe-inline'", "script-src 'none'")
        if self.path.startswith("/frame/"):
            policy = "default-src 'self'; style-src 'unsafe-inline'"
            width = int(self.path.split("/")[2])
            body = (f"<body style='margin:0'><iframe src='/' style='border:0;width:{width}px;height:3400px'>").encode()
        elif self.path.split("?")[0] == "/" and open("view").read() != "gone\n":
            body = subprocess.run([sys.argv[1], open("view").read().strip()], stdout=subprocess.PIPE, check=True).stdout
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("port", "w") as f:
    f.write(f"{server.server_port}\n")
server.serve_forever()
PYTHON

start_server() {
    echo ready >view
    python3 serve.py "$WRITE_PAGE" &
    server=$!
    for _ in {1..600}; do
        [[ -s port ]] && break
        sleep 0.1
    done
    url="http://127.0.0.1:$(<port)"
}

# Reads what the browser shows: of each section its rows, as texts of cells, without what is only for the eye.
cat >dom.py <<'PYTHON'
import html.parser, sys

class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.row, self.cell, self.skip, self.text, self.bad = [], None, None, 0, [], []
    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        if tag in ("style", "script", "title", "svg"):
            self.skip += 1
        if tag == "tr":
            self.row = []
        if tag in ("td", "th"):
            self.cell = []
            if tag == "th" and not names.get("scope"):
                self.bad.append("a th without scope")
        if tag == "svg" and names.get("role") != "img":
            self.bad.append("a picture without a role")
        for name, value in attributes:
            if name.startswith("on") or (name in ("src", "href") and "javascript:" in (value or "")):
                self.bad.append(f"{tag} {name}={value}")
    def handle_endtag(self, tag):
        if tag in ("style", "script", "title", "svg"):
            self.skip -= 1
        if tag in ("td", "th") and self.row is not None:
            self.row.append(" ".join("".join(self.cell).split()))
        if tag == "tr":
            self.rows.append(self.row)
            self.row = None
    def handle_data(self, data):
        if self.skip:
            return
        self.text.append(data)
        if self.cell is not None:
            self.cell.append(data)

def read(path):
    page = Page()
    page.feed(open(path, encoding="utf-8").read())
    page.text = " ".join("".join(page.text).split())
    return page

if __name__ == "__main__":
    page = read(sys.argv[1])
    def row(name, *wanted):
        found = [r for r in page.rows if r and r[0] == name]
        assert any(r[1:] == list(wanted) for r in found), (name, wanted, found)
    row("gmail", "612,400", "", "0.80 %", "1.20 %", "", "–", "–", "98.80 %", "98.41 %")
    row("yahoo", "98,010", "", "!!very high: 13.10 %", "!!very high: 19.59 %", "", "!!very high: 0.612 %",
        "!!very high: 0.595 %", "86.50 %", "80.03 %")
    row("none", "77,053", "", "2.50 %", "3.68 %", "", "–", "–", "97.10 %", "95.93 %")
    row("<script>alert(1)</script>\"'&\ufffd\ufffd\ufffd", "77", "", "0.00 %", "0.00 %", "", "–", "–", "100.00 %",
        "100.00 %")
    row("events", "kafka", "caught up", "4,101,223", "68", "9,401", "17", "0", "1,300", "0", "68")
    row("archive", "kafka", "reading", "4,101,223", "68", "9,401", "17", "0", "1,300", "12", "0")
    row("ses-events", "5", "1,205,230", "35", "here")
    for piece in ("Newest event 2026-11-22 02:14:18, 12 s behind now", "1,182,507", "1 h: 35,475",
                  "12.95 % bounce in 1h, threshold 10 % (415 of 3,204)", "for 26 min", "held back",
                  "archive: 60 partitions, 59 read here, 9,814 messages behind (not known of 12)"):
        assert piece in page.text, piece
    assert not page.bad, page.bad
PYTHON

dom() { # FILE PATH OPTION...
    local file=$1 path=$2
    shift 2
    browse --dump-dom "$@" "$url$path" >"$file" && grep -q '</html>' "$file"
}

asked_for() { # PATH...: exactly these, since the last call
    local got
    got=$(sort -u requests | tr '\n' ' ')
    : >requests
    [[ $got == "$* " ]] || {
        echo "asked for: $got"
        return 1
    }
}

no_complaint() { # nothing refused by the policy, no script failed
    ! grep -iE 'CONSOLE|Refused|Uncaught' browser.err
}

# The script fetches the page after 15 s; the browser's clock runs ahead, so nobody waits for that. VIEW is what the
# server has by then; PIECE is what must be on the page.
updates() { # VIEW PIECE...
    local changer piece view=$1
    shift
    : >requests
    (
        while [[ ! -s requests ]]; do sleep 0.05; done
        echo "$view" >view
    ) &
    changer=$!
    dom news.html / --virtual-time-budget=20000
    kill "$changer" 2>/dev/null
    wait "$changer" 2>/dev/null
    echo ready >view
    for piece in "$@"; do
        grep -qF -- "$piece" news.html || {
            grep -o '<h1>.*</h1>\|<p id="lost".*' news.html
            return 1
        }
    done
}

# NAME OPTION...: a picture, and not an empty one
picture() {
    local name=$1 at=$2
    shift 2
    browse --screenshot="$pictures/$name.png" "$@" "$url$at" >/dev/null &&
        (($(stat -c %s "$pictures/$name.png") > 30000))
}

# Nothing sticks out to the side of a phone but what scrolls in its own frame.
fits_a_phone() {
    local measure='<script>document.body.id = "wide-" + document.documentElement.scrollWidth;</script>'
    "$WRITE_PAGE" ready | sed "s#</body>#$measure&#" >phone.html
    browse --dump-dom --window-size=500,900 "file://$work/phone.html" >phone.dom
    grep -q '<body id="wide-500">' phone.dom || {
        grep -o '<body[^>]*>' phone.dom
        return 1
    }
}

metrics_clean() {
    "$WRITE_PAGE" metrics >metrics.txt && promtool check metrics <metrics.txt
}

json_is_json() { # VIEW
    "$WRITE_PAGE" "$1" | python3 -c 'import json, sys; assert json.load(sys.stdin)["status"] == "success"'
}

if [[ ! -x $WRITE_PAGE ]]; then
    echo "not ok page: $WRITE_PAGE is not built"
    exit 1
fi
check "alerts are JSON" json_is_json alerts
check "rates are JSON" json_is_json rates
check "OpenMetrics ends as it must" bash -c "\"$WRITE_PAGE\" openmetrics | tail -n 1 | grep -qx '# EOF'"
if command -v promtool >/dev/null; then
    check "promtool finds nothing" metrics_clean
else
    echo "ok promtool # SKIP not installed"
fi
if [[ -z $chromium ]]; then
    echo "ok page in a browser # SKIP no Chromium"
    finish
fi
start_server
check "a browser shows it" dom scripted.html /
check "it says what was counted" python3 dom.py scripted.html
check "the policy allows all that it does" no_complaint
check "it asks for nothing but itself" asked_for /
check "without scripts" dom plain.html "/?noscript" --virtual-time-budget=20000
check "no script ran" grep -q "script-src 'none'" browser.err
check "it says the same" python3 dom.py plain.html
check "it asks for nothing but itself then" asked_for "/?noscript"
check "it takes over what is new" updates behind '</span>Behind</h1>' 'Behind - ses-collector</title>'
check "with no complaint" no_complaint
check "it says when nobody answers" updates gone 'Not updated since' '<td class="first">612,400</td>'
check "nothing else was asked for" asked_for /
check "light" picture light / --blink-settings=preferredColorScheme=1 --window-size=1200,2700
check "dark" picture dark / --blink-settings=preferredColorScheme=0 --window-size=1200,2700
check "light is not dark" bash -c "! cmp -s '$pictures/light.png' '$pictures/dark.png'"
check "a phone" picture phone /frame/390 --blink-settings=preferredColorScheme=1 --window-size=500,3400
check "it fits a phone" fits_a_phone
echo many >view
check "a large installation" dom many.html /
check "at most 50 rows, and the rest" bash -c "grep -q '255 more, together' many.html"
finish
