"""Firefox through Marionette, its own remote protocol: each message is the length of its JSON, a colon, and the JSON.

The client that Mozilla has on PyPI, marionette_driver, brings six packages for what is needed here, which is four
commands. WebDriver would need geckodriver, which Debian does not have.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

_PREFERENCES = {
    "remote.prefs.recommended": False,  # else pages from the disk have other rules than for everybody
    "marionette.port": 0,  # any that is free
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "ui.prefersReducedMotion": 1,
    "network.captive-portal-service.enabled": False,
}
_FLAGS = ("--headless", "--marionette", "--remote-allow-system-access", "--no-remote")
_STARTS = 60  # seconds at most
_UNKNOWN = re.compile(r"Content-Security-Policy: Couldn.t process unknown directive .(require-)?trusted-types(-for)?.$")
_CONSOLE = """
const storage = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage);
const said = storage.getEvents()
  .filter((event) => event.filename?.startsWith("file:"))
  .map((event) => event.arguments.join(" "));
const errors = Services.console.getMessageArray()
  .filter((message) => message instanceof Ci.nsIScriptError && message.sourceName.startsWith("file:"))
  .map((message) => message.errorMessage);
storage.clearEvents();
Services.console.reset();
return [...said, ...errors];
"""


class MarionetteError(Exception):
    """What Firefox says of a command that failed."""


class Firefox:
    """A Firefox without a window; a context manager.

    Args:
        command: the browser.
        profile: an empty folder.
        size: of its window, width and height.
    """

    def __init__(self, command: str, profile: Path, size: tuple[int, int] = (1400, 900)) -> None:
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items())
        (profile / "user.js").write_text("\n".join(lines))
        flags = [*_FLAGS, "--width", str(size[0]), "--height", str(size[1]), "--profile", str(profile)]
        self._process = subprocess.Popen([command, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._commands = 0
        try:
            self._socket = self._connected(profile / "MarionetteActivePort")
            self._stream = self._socket.makefile("rb")
            self._message()  # who it is
            self._ask("WebDriver:NewSession")
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> Firefox:
        return self

    def __exit__(self, *raised: object) -> None:
        self._ask("Marionette:Quit", flags=["eForceQuit"])
        self._socket.close()
        self._process.wait(_STARTS)

    def open(self, file: Path, to: str = "") -> None:
        """Loads a page from the disk."""
        self._ask("WebDriver:Navigate", url="about:blank")  # else another hash alone would load nothing
        self._ask("WebDriver:Navigate", url=file.resolve().as_uri() + to)

    def run(self, script: str, *given: Any) -> Any:
        """What a script returns that runs in the page and is bound by its policy."""
        return self._ask("WebDriver:ExecuteScript", script=script, args=list(given))["value"]

    def wait_for(self, expression: str) -> Any:
        """The value of an expression once it is true."""
        until = time.monotonic() + 10
        while not (value := self.run(f"return {expression}")):
            if time.monotonic() > until:
                raise MarionetteError(f"this did not come true: {expression}; the page: {self.text('body')[:2000]}")
            time.sleep(0.02)
        return value

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def point_at(self, x: float, y: float) -> None:
        """Moves the cursor."""
        move = {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}
        self._ask("WebDriver:PerformActions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])

    def console(self) -> list[str]:
        """What pages from the disk have said since it was last asked for: messages, errors, what a policy stopped.

        Without what a Firefox before 148 says of every page with Trusted Types: that it does not know them.
        """
        self._ask("Marionette:SetContext", value="chrome")
        try:
            return [said for said in self.run(_CONSOLE) if not _UNKNOWN.match(said)]
        finally:
            self._ask("Marionette:SetContext", value="content")

    def _connected(self, port_file: Path) -> socket.socket:
        until = time.monotonic() + _STARTS
        while not port_file.exists() or not port_file.read_text().strip():
            if self._process.poll() is not None or time.monotonic() > until:
                raise MarionetteError(f"Firefox did not start: exit status {self._process.poll()}")
            time.sleep(0.05)
        return socket.create_connection(("127.0.0.1", int(port_file.read_text())), _STARTS)

    def _ask(self, command: str, **given: Any) -> Any:
        self._commands += 1
        content = json.dumps([0, self._commands, command, given]).encode()
        self._socket.sendall(f"{len(content)}:".encode() + content)
        _, _, error, result = self._message()
        if error is not None:
            raise MarionetteError(f"{command}: {error['error']}: {error['message']}")
        return result

    def _message(self) -> Any:
        digits = b""
        while (byte := self._stream.read(1)) != b":":
            if not byte:
                raise MarionetteError("Firefox has gone")
            digits += byte
        return json.loads(self._stream.read(int(digits)))
