"""A service that asks auth about the session tokens it is sent (RFC 7662). Python's standard library is all it needs."""
import base64, json, os, urllib.error, urllib.parse, urllib.request
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INTROSPECT_URL = os.environ["INTROSPECT_URL"]  # http://holdfast-auth/v1/introspect
CLIENT = os.environ["CLIENT_ID"] + ":" + open(os.environ["CLIENT_SECRET_FILE"]).read().strip()


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


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("__Host-hf")
            token = cookie.value if cookie else ""
        try:
            session = introspect(token) if token else None
        except Unavailable:
            return self.answer(503, {"error": "try again"}, {"Retry-After": "1"})
        if session is None:
            return self.answer(401, {"error": "log in"}, {"WWW-Authenticate": "Bearer"})
        self.answer(200, {"hello": session["sub"]})

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
