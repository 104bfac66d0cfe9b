# SPDX-License-Identifier: MIT
"""Does without a container engine what deploy/container/Containerfile says, in a root that has its base, and runs what it
would run: as its user, without capabilities, with a read-only root, its volumes, and a network of its own.

  python3 Tests/Package/container.py ROOT DEB

ROOT is a fresh Debian root, which is changed. Needs root, `unshare`, `nsenter`, `setpriv` and `ip`. Not shown: that an engine
takes the file, NVIDIA's base image, and a GPU.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "container")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def instructions():
    """Name and text of each, lines that continue joined."""
    with open(os.path.join(FOLDER, "Containerfile")) as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            yield line.strip().split(None, 1)


class Image:
    """What the instructions make of a root, and what they say of running it."""

    def __init__(self, root, deb):
        self.root = root
        self.environment = {"PATH": PATH}
        self.volumes, self.user, self.entry, self.command, self.health = [], None, [], [], []
        for name, text in instructions():
            if name in ("ARG", "FROM", "EXPOSE", "STOPSIGNAL"):
                continue
            elif name == "COPY":
                pattern, target = text.split()
                assert pattern == "qwen3-tts_*.deb", pattern
                shutil.copy(deb, self.root + target)
            elif name == "RUN":
                print("$", re.sub(r"\s+", " ", text))
                subprocess.run(["chroot", root, "/bin/sh", "-c", text], check=True, stdout=subprocess.DEVNULL, env={
                    **self.environment, "DEBIAN_FRONTEND": "noninteractive"})
            elif name == "ENV":
                self.environment |= dict(pair.split("=", 1) for pair in text.split())
            elif name == "VOLUME":
                self.volumes = json.loads(text)
            elif name == "USER":
                self.user = text
            elif name == "ENTRYPOINT":
                self.entry = json.loads(text)
            elif name == "CMD":
                self.command = json.loads(text)
            elif name == "HEALTHCHECK":
                self.health = json.loads(text.split("CMD", 1)[1])
            else:
                raise AssertionError(f"expected an instruction that this test knows, found {name}")

    def start(self, volumes, *command):
        """A process in namespaces of its own, as an engine starts it with --read-only, --cap-drop ALL and --tmpfs /tmp."""
        uid, gid = self.user.split(":")
        mounts = [f"mount --bind {self.root} {self.root}", f"mount -o remount,bind,ro {self.root}",
                  f"mount -t tmpfs tmpfs {self.root}/tmp", f"mount -t proc proc {self.root}/proc",
                  f"mount --rbind /dev {self.root}/dev", "ip link set lo up"]
        for volume in self.volumes:
            # A new volume has what the image has there, and its owner.
            inside = os.path.join(volumes, volume.strip("/").replace("/", "-"))
            shutil.copytree(self.root + volume, inside, dirs_exist_ok=True)
            status = os.stat(self.root + volume)
            os.chown(inside, status.st_uid, status.st_gid)
            mounts.append(f"mount --bind {inside} {self.root}{volume}")
        drop = f"setpriv --reuid {uid} --regid {gid} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
        script = " && ".join(mounts) + f' && exec chroot {self.root} {drop} "$@"'
        return subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *command],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def child(process):
    """The first process of the namespace."""
    listed = f"/proc/{process.pid}/task/{process.pid}/children"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(listed) as file:
            if found := file.read().split():
                return int(found[0])
        time.sleep(0.02)
    raise AssertionError("expected a process in the container")


def enter(image, pid, command):
    return subprocess.run(
        ["nsenter", "--target", str(pid), "--net", "--mount", "--pid", "chroot", image.root, *command],
        env=image.environment, capture_output=True)


def main():
    root, deb = (os.path.abspath(argument) for argument in sys.argv[1:])
    image = Image(root, deb)
    assert not glob.glob(root + "/tmp/*.deb") and not glob.glob(root + "/var/lib/apt/lists/*_Packages"), "nothing left"
    with tempfile.TemporaryDirectory() as volumes:
        os.chmod(volumes, 0o755)
        tries = image.start(volumes, "/bin/sh", "-c", "id -u; touch /usr/x; touch /var/lib/qwen3-tts/x && echo written")
        said = tries.communicate(timeout=30)[0]
        assert re.match(r"10001\n.*Read-only file system\nwritten\n$", said, re.DOTALL), said
        print(f"   as user 10001, in /usr: {said.splitlines()[1].split(': ')[-1]}; in its volume: written")

        print("$", *image.entry, *image.command)
        server = image.start(volumes, *image.entry, *image.command)
        pid = child(server)
        start = time.monotonic()
        while (code := enter(image, pid, image.health).returncode) != 0:
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() - start < 60, f"health check: {code}"
            time.sleep(0.1)
        print(f"   healthy after {time.monotonic() - start:.1f} s: {' '.join(image.health)}")
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        assert status["Uid"].split()[0] == "10001" and int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", status
        spoken = enter(image, pid, [
            "curl", "-fsS", "http://127.0.0.1:8000/v1/audio/speech", "-H", "Content-Type: application/json",
            "-d", '{"input": "Hello from a container.", "response_format": "mp3"}'])
        assert spoken.returncode == 0 and len(spoken.stdout) > 4000, spoken.stderr
        print(f"   {len(spoken.stdout)} bytes of mp3 spoken")
        # STOPSIGNAL; it is unhealthy from then on, and ends when balancers have noticed.
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
        assert enter(image, pid, image.health).returncode != 0, "expected a server that drains to be unhealthy"
        said = server.communicate(timeout=30)[0]
        assert server.returncode == 0, said
        print(f"   ended with {server.returncode}, {time.monotonic() - start:.1f} s after its start")


main()
