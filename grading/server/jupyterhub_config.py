"""JupyterHub for a class on one Linux machine; `grading/server/README.md` says how to start it.

What belongs to this machine stands in `server.json`, written by `python -m grading.server.prepare`; who belongs to the
class, in `class/roster.csv` and `class/instructors.txt` beside it. Start the hub again after a change of either.
"""

import json
import os
import pwd
import sys
from pathlib import Path

from jupyterhub.spawner import Spawner

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # root runs this copy of the course, not the instructors'
from grading.roster import read_roster  # noqa: E402

c = get_config()  # traitlets puts `get_config` there when it reads this file

BASE = Path(os.environ.get("DATALAB_SERVER", "/srv/datalab"))
MACHINE = json.loads((BASE / "server.json").read_text(encoding="utf-8"))
COURSE, ACCOUNT, PROGRAMS = MACHINE["course_id"], MACHINE["account"], Path(MACHINE["environment"]) / "bin"
STUDENTS = read_roster(BASE / "class/roster.csv", may_be_empty=True).students
INSTRUCTORS = set((BASE / "class/instructors.txt").read_text(encoding="utf-8").split())

# --- who may come in ----------------------------------------------------------------------------------------------
# Accounts and passwords of this machine. For the university's log-in install `oauthenticator` or
# `jupyterhub-ltiauthenticator` and put its class here; the names it gives have to be the accounts' names: see README.
c.JupyterHub.authenticator_class = "pam"
c.Authenticator.allowed_users = STUDENTS | INSTRUCTORS
c.Authenticator.allow_existing_users = False  # who left the lists does not come in because they were here before
c.Authenticator.admin_users = set()  # nobody: an admin of the hub can become every student
# By these groups nbgrader knows who takes and who gives the course. The hub only ever adds to groups, so what a person
# may do hangs on the list of users, which it takes as it stands.
c.JupyterHub.load_groups = {
    f"formgrade-{COURSE}": {"users": sorted(INSTRUCTORS)},
    f"nbgrader-{COURSE}": {"users": sorted(STUDENTS | INSTRUCTORS)},
}
c.JupyterHub.load_roles = [
    {
        "name": f"formgrade-{COURSE}",
        "users": sorted(INSTRUCTORS),
        "groups": [],
        "scopes": [f"access:services!service={COURSE}", "list:services", f"read:services!service={COURSE}"],
    },
]

# --- the course's own server, with the formgrader -------------------------------------------------------------------
# It runs as the course account: the gradebook, the sources and the submissions are this account's alone, and all
# instructors work on the same ones.
c.JupyterHub.services = [
    {
        "name": COURSE,
        "url": "http://127.0.0.1:9801",
        "command": [str(PROGRAMS / "jupyterhub-singleuser")],
        "user": ACCOUNT,
        "cwd": MACHINE["course"],
        "oauth_no_confirm": True,
        "environment": {
            "JUPYTER_CONFIG_PATH": str(BASE / "config/course"),
            "JUPYTERHUB_DEFAULT_URL": "/lab",
            "PYTHONPATH": MACHINE["course"],
            "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
        },
    }
]


# --- everyone's own server ------------------------------------------------------------------------------------------
def role_settings(spawner: Spawner) -> str:
    """The folder with the settings of this person's role: see `grading/server/prepare.py`."""
    return str(BASE / "config" / ("instructor" if spawner.user.name in INSTRUCTORS else "student"))


def close_home(spawner: Spawner) -> None:
    """A person's home is theirs alone, whatever the machine's habit is."""
    person = pwd.getpwnam(spawner.user.name)
    if os.stat(person.pw_dir).st_uid == person.pw_uid:
        os.chmod(person.pw_dir, 0o700)


def token_scopes(spawner: Spawner) -> list[str]:
    """What the token in a person's own server may do: say that it is busy and which courses its owner is in."""
    own = [f"{scope}!user" for scope in ("users:activity", "access:servers", "read:users:name", "read:users:groups")]
    return [*own, "list:services", f"read:services!service={COURSE}", f"access:services!service={COURSE}"]


c.Spawner.cmd = [str(PROGRAMS / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.pre_spawn_hook = close_home
c.Spawner.server_token_scopes = token_scopes  # of these, a token gets the ones its owner has
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": role_settings,
    "PYTHONPATH": str(BASE / "student-edition"),
    "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
    "OMP_NUM_THREADS": "1",
}

# --- the hub --------------------------------------------------------------------------------------------------------
# On loopback: a web server in front of it brings the certificate (README). Everyone has a server under one address, so
# a page of one student could act as another who opens it; with a name for each, browsers keep them apart:
# c.JupyterHub.subdomain_host = "https://datalab.example.org"
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{BASE / 'hub/jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(BASE / "hub/cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(BASE / "hub/proxy.pid")
PROXY = Path(MACHINE["environment"]) / "node/node_modules/.bin/configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [str(PROXY) if PROXY.exists() else "configurable-http-proxy"]
