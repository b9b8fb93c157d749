"""One command of SFTP with paramiko: HOST PORT USER KEY_FILE KNOWN_HOSTS COMMAND ARGUMENTS...

Where an upload or a download goes on, the offset is printed.
"""

import sys

import paramiko


def append(sftp, file, path):
    with sftp.open(path, "a") as remote, open(file, "rb") as local:
        remote.set_pipelined(True)
        print(local.seek(sftp.stat(path).st_size))
        while block := local.read(1 << 20):
            remote.write(block)


def fetch_rest(sftp, path, file):
    with sftp.open(path, "r") as remote, open(file, "ab") as local:
        print(local.tell())
        remote.seek(local.tell())
        while block := remote.read(1 << 20):
            local.write(block)


def read_at(sftp, path, offset, length):
    with sftp.open(path, "r") as remote:
        remote.seek(int(offset))
        print(remote.read(int(length)).hex())


COMMANDS = {
    "put": lambda sftp, file, path: sftp.put(file, path),
    "append": append,
    "get": lambda sftp, path, file: sftp.get(path, file),
    "fetch-rest": fetch_rest,
    "read-at": read_at,
    "list": lambda sftp, path: print("\n".join(f"{each.filename} {each.st_size}" for each in sftp.listdir_attr(path))),
    "rename": lambda sftp, path, to: sftp.rename(path, to),
    "remove": lambda sftp, path: sftp.remove(path),
}


def main(host, port, user, key_file, known_hosts, command, *arguments):
    client = paramiko.SSHClient()
    # Another host key than the known one, and an unknown one, end it.
    client.load_host_keys(known_hosts)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        host, int(port), user, key_filename=key_file, look_for_keys=False, allow_agent=False, timeout=30
    )
    with client, client.open_sftp() as sftp:
        COMMANDS[command](sftp, *arguments)


main(*sys.argv[1:])
