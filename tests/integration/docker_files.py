#!/usr/bin/env python3
"""What must be true of docker/compose.yaml, as Compose's loader reads it, and of the Dockerfile.

    docker_files.py compose ROOT < JSON      the rules for every service
    docker_files.py mounts ROOT < JSON       a line "SERVICE SOURCE TARGET" for each file and folder of ours that is mounted
    docker_files.py packages ROOT STAGE      the packages that a stage of the Dockerfile installs
    docker_files.py context ROOT             what the image is built from: the files that .dockerignore lets in
    docker_files.py yaml FILE...             they are YAML
"""
import json
import os
import re
import subprocess
import sys

OURS = ("ses-collector", "traffic")


def mounts(root, project):
    for name, service in sorted(project["services"].items()):
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                yield name, os.path.realpath(volume["source"]), volume


def check_service(name, service, project):
    wrong = []

    def rule(true, text):
        if not true:
            wrong.append(f"{name}: {text}")

    image = service.get("image", "")
    rule(re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9._-]+", image) and not image.endswith(":latest"), f"image {image!r} has no tag")
    for port in service.get("ports", []):
        rule(port.get("host_ip") == "127.0.0.1", f"port {port} can be reached from elsewhere")
    rule("no-new-privileges:true" in service.get("security_opt", []), "may gain privileges")
    if name in OURS:
        rule(service.get("read_only") is True, "its root can be written")
        rule(service.get("cap_drop") == ["ALL"], "it has capabilities")
        rule("/tmp" in service.get("tmpfs", []), "it has no /tmp")
        rule("user" not in service, "the image's user is the one")
    else:
        rule(len(service.get("healthcheck", {}).get("test", [])) > 1, "has no health check")
    for other, how in service.get("depends_on", {}).items():
        rule(how["condition"] == "service_healthy", f"does not wait until {other} is well")
        optional = project["services"][other].get("profiles") and not service.get("profiles")
        rule(not optional or how.get("required") is False, f"needs {other}, whose profile may be off")
    for volume in service.get("volumes", []):
        if volume["type"] == "bind":
            rule(volume.get("read_only") is True, f"can write {volume['target']}")
        else:
            rule(volume["source"] in project["volumes"], f"volume {volume['source']} is not declared")
    return wrong


def check_compose(root, project):
    wrong = []
    for name, service in sorted(project["services"].items()):
        wrong += check_service(name, service, project)
    for name, source, _ in mounts(root, project):
        if not os.path.exists(source):
            wrong.append(f"{name}: {source} is mounted, and not there")
    used = {v["source"] for s in project["services"].values() for v in s.get("volumes", []) if v["type"] == "volume"}
    wrong += [f"volume {name} is nobody's" for name in project["volumes"] if name not in used]
    text = open(os.path.join(root, "docker/compose.yaml"), encoding="utf-8").read()
    if re.search(r"^version:", text, re.M):
        wrong.append("`version:` is obsolete")
    return wrong + check_example(root, text)


def check_example(root, text):
    """.env.example names the variables that people change, with the defaults that compose.yaml has."""
    defaults = dict(re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", text))
    wrong = []
    for line in open(os.path.join(root, "docker/.env.example"), encoding="utf-8"):
        match = re.match(r"#([A-Z0-9_]+)=(.*)$", line)
        if match and match[1] != "COMPOSE_PROFILES" and defaults.get(match[1]) != match[2]:
            wrong.append(f".env.example: {match[1]} is {match[2]!r}, in compose.yaml {defaults.get(match[1])!r}")
    return wrong


def packages(root, stage):
    text = open(os.path.join(root, "docker/Dockerfile"), encoding="utf-8").read()
    part = re.search(rf"^FROM \S+ AS {stage}$(.*?)(?=^FROM |\Z)", text, re.M | re.S)[1]
    words = re.search(r"--no-install-recommends \\\n(.*?)&& rm", part, re.S)[1]
    return words.replace("\\", " ").split()


def context(root):
    """The patterns are plain names behind a "!": no more of the syntax is used, and no more is understood here."""
    allowed = []
    for line in open(os.path.join(root, "docker/Dockerfile.dockerignore"), encoding="utf-8"):
        line = line.strip()
        if line.startswith("!"):
            allowed.append(line[1:])
        elif line and not line.startswith("#") and line != "*" and not line.startswith("**/"):
            sys.exit(f"Dockerfile.dockerignore: {line!r} is not understood")
    files = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           capture_output=True, check=False)
    if files.returncode == 0:
        names = [os.fsdecode(name) for name in files.stdout.split(b"\0") if name]
    else:
        names = [os.path.relpath(os.path.join(folder, name), root) for top in allowed
                 for folder, _, found in os.walk(os.path.join(root, top)) for name in found] + allowed
    return sorted({name for name in names if os.path.isfile(os.path.join(root, name)) and
                   any(name == top or name.startswith(top + "/") for top in allowed)})


def main():
    what, *rest = sys.argv[1:]
    if what == "compose":
        wrong = check_compose(rest[0], json.load(sys.stdin))
        print("\n".join(wrong))
        sys.exit(bool(wrong))
    elif what == "mounts":
        for name, source, volume in mounts(rest[0], json.load(sys.stdin)):
            print(name, source, volume["target"])
    elif what == "packages":
        print("\n".join(packages(*rest)))
    elif what == "context":
        print("\n".join(context(rest[0])))
    elif what == "yaml":
        import yaml  # of scripts/docker-tools
        for path in rest:
            with open(path, encoding="utf-8") as f:
                assert yaml.safe_load(f), path


if __name__ == "__main__":
    main()
