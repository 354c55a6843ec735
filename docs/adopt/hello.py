"""A service that asks auth about the session tokens it is sent (RFC 7662). Python's standard library is all it needs."""
import base64, json, os, re, urllib.error, urllib.parse, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INTROSPECT_URL = os.environ["INTROSPECT_URL"]  # http://holdfast-auth/v1/introspect
CLIENT = os.environ["CLIENT_ID"] + ":" + open(os.environ["CLIENT_SECRET_FILE"]).read().strip()
TRUSTED_ORIGINS = os.environ.get("TRUSTED_ORIGINS", "").split()  # https://shop.example: for browsers without Sec-Fetch-Site
TOKEN = re.compile(r"hf1_[A-Za-z0-9_-]{70}")


class Unavailable(Exception):
    """Nobody can tell now: the caller is as signed in as before, and should try again."""


def introspect(token):
    """What auth knows of a live session, or None when there is no such session."""
    request = urllib.request.Request(INTROSPECT_URL, urllib.parse.urlencode({"token": token}).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(CLIENT.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=2) as response:
            answer = json.load(response)
    except (urllib.error.URLError, TimeoutError) as error:  # 503 among them, and 401 if this client is not known
        raise Unavailable(str(error)) from error
    return answer if answer["active"] else None


class Refused(Exception):
    """Not to be answered, whoever it is: a status and what is wrong."""


def session_cookies(header):
    """The different values of the session cookie. By hand: SimpleCookie gives up at the first cookie that it can't read, and
    strip() without its argument takes bytes for blanks with which another host can disguise a cookie of its own."""
    pairs = (part.partition("=") for part in header.split(";"))
    values = [value.strip(" \t") for name, _, value in pairs if name.strip(" \t") == "__Host-hf"]
    return list(dict.fromkeys(value for value in values if value))


class Hello(BaseHTTPRequestHandler):
    def hello(self):
        try:
            session = self.require_session()
        except Refused as refusal:
            status, error = refusal.args
            return self.answer(status, {"error": error})
        except Unavailable:
            return self.answer(503, {"error": "try again"}, {"Retry-After": "1"})
        if session is None:
            return self.answer(401, {"error": "log in"}, {"WWW-Authenticate": "Bearer"})
        self.answer(200, {"hello": session["sub"]})

    do_GET = do_POST = hello

    def require_session(self):
        """The live session of the request, or None. Of several cookies one may be alive: which counts must be no guess."""
        bearer = re.fullmatch(r"bearer(?: +(.*))?", self.header("Authorization") or "", re.IGNORECASE)
        tokens = session_cookies(self.header("Cookie", "; ") or "")
        if len(tokens) > (0 if bearer else 4):
            raise Refused(400, "send one session, by cookie or by Authorization")
        if bearer:
            tokens = [bearer[1] or ""]
        elif tokens:
            self.require_same_origin()
        # What can't be a token is not asked about.
        found = [introspect(token) for token in tokens if TOKEN.fullmatch(token)]
        alive = [session for session in found if session]
        if len(alive) > 1:
            raise Refused(400, "two live sessions were sent")
        return alive[0] if alive else None

    def require_same_origin(self):
        """No other site may have the browser change anything with its cookie (OWASP CSRF Prevention, Fetch Metadata)."""
        if self.command in ("GET", "HEAD", "OPTIONS", "TRACE"):
            return
        site = self.header("Sec-Fetch-Site")
        if site in ("same-origin", "none") or site is None and self.header("Origin") in TRUSTED_ORIGINS:
            return
        raise Refused(403, "this must come from a page of this site")

    def header(self, name, separator=", "):
        """All lines of a header, joined, or None: of two credentials none may be overlooked."""
        lines = self.headers.get_all(name)
        return separator.join(lines) if lines else None

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Cache-Control": "no-store", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "0"))), Hello)
    print(server.server_port, flush=True)
    server.serve_forever()
