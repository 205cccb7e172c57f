#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/demo/demo.sh [FOLDER]   the main job, shown end to end on this machine (make demo)
#
# Everything is made in FOLDER, which is build/demo and is emptied first. Everything that is started is
# stopped again, also after Ctrl-C.
# What stays is desktop.png and, to look into, the log of each part.
set -u

top=${FARHAND_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${FARHAND_BIN:-$top/build/release/bin}
out=${1:-$top/build/demo}
log=$out/log
here=$top/tests/demo
size=1280x800
line='hello from far away'
server='' viewer='' lab='' step=0
bold='' faint='' plain=''
if [ -t 1 ]; then
    bold=$(printf '\033[1m') faint=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

say() { printf '%s\n' "$*"; }
fact() { printf '     %-18s %s\n' "$1" "$2"; }
next() {
    step=$((step + 1))
    printf '\n%s %s  %s%s\n' "$bold" "$step" "$1" "$plain"
}
die() {
    printf '\ndemo: %s\n      the logs are in %s\n' "$1" "$log" >&2
    for f in "$log"/*; do
        if [ -s "$f" ]; then
            printf '      the end of %s:\n' "$f" >&2
            tail -n 3 "$f" | sed 's/^/        /' >&2
        fi
    done
    exit 1
}

stop() { # ends a process of ours and waits until it is gone
    if [ "$1" ] && kill -0 "$1" 2>/dev/null; then
        kill "$1" 2>/dev/null
        wait "$1" 2>/dev/null
    fi
}
leave_lab() { # ends the first process in the namespaces; the kernel ends all others, and then unshare does
    if [ "$lab" ] && kill -0 "$lab" 2>/dev/null; then
        kill -KILL "$(cat "$state/lab" 2>/dev/null || echo "$lab")" 2>/dev/null
        wait "$lab" 2>/dev/null
    fi
}
cleanup() {
    trap '' INT TERM HUP
    stop "$viewer"
    stop "$server"
    leave_lab
    rm -rf "$out/state"
}
trap cleanup EXIT
trap 'printf "\ndemo: interrupted\n" >&2; exit 130' INT TERM HUP

for program in "$bin/vncserverd" "$bin/vncviewer-cli" Xvfb xterm; do
    command -v "$program" >/dev/null || {
        say "demo: $program is missing; 'make demo' builds and installs what is needed" >&2
        exit 1
    }
done
rm -rf "$out"
mkdir -p "$log" "$out/state/tmp" || exit 1
state=$out/state
# Nothing of the caller's desktop or home is used, and nothing is left there.
export HOME="$state" TMPDIR="$state/tmp" XDG_RUNTIME_DIR="$state/tmp" LC_ALL=C.UTF-8
unset DISPLAY XAUTHORITY RUNTIME_DIRECTORY XDG_STATE_HOME XDG_CONFIG_HOME FH_PASSWORD

# start_server LOG IDENTITY LISTEN [MORE...]: sets $server and $address once it listens
start_server() {
    serverlog=$log/$1 identity=$2 listen=$3
    : >"$serverlog"
    shift 3
    "$bin/vncserverd" --identity "$identity" --users "$state/users" --audit "$log/audit" --name "a desktop" \
        --blacklist "$state/blacklist" --control none --listen "$listen" --virtual $size "$@" </dev/null >>"$serverlog" 2>&1 &
    server=$!
    tries=0
    until address=$(sed -n 's/.*listening on \(127\.0\.0\.1\):\([0-9]*\).*/\1::\2/p' "$serverlog" | head -n 1) &&
        [ "$address" ]; do
        kill -0 "$server" 2>/dev/null || die "vncserverd does not start"
        tries=$((tries + 1))
        [ $tries -lt 400 ] || die "vncserverd did not begin to listen within 20 s"
        sleep 0.05
    done
}

# view LOG ARGUMENT...: runs the viewer; its exit code in $code. In the background, so that Ctrl-C is heard at once.
view() {
    viewerlog=$log/$1
    shift
    "$bin/vncviewer-cli" --known-servers "$state/known_servers" --identity "$state/viewer.pem" --user demo \
        --timeout 20 "$@" </dev/null >"$viewerlog" 2>&1 &
    viewer=$!
    code=0
    wait "$viewer" || code=$?
    viewer=''
}
info_of() { sed -n "s/^$1  *//p" "$log/$2" | head -n 1; }
shown() { sed 's/^/       | /' "$1"; }

# color FILE RRGGBB: a picture of 6x6 pixels of this colour, to compare with
color() {
    python3 - "$1" "$2" <<'END'
import struct, sys, zlib
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
rows = (b"\0" + bytes.fromhex(sys.argv[2]) * 6) * 6
with open(sys.argv[1], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 6, 6, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END
}

say "${bold}Farhand${plain}: a desktop is shared on this machine, reached, used, and left again."

next "A server with a key of its own, and a desktop of $size without a monitor"
"$bin/vncserverd" --identity "$state/server.pem" identity new >"$log/identity" 2>&1 || die "no identity for the server"
"$bin/vncserverd" --identity "$state/server.pem" identity show >"$state/shown" 2>>"$log/identity" ||
    die "the identity cannot be shown"
phrase=$(grep -oE '[A-Z][a-z]+( [a-z]+){3}\. [A-Z][a-z]+( [a-z]+){3}\.' "$state/shown" | head -n 1)
fingerprint=$(grep -oE '[0-9a-f]{64}' "$state/shown" | head -n 1)
[ "$phrase" ] && [ "$fingerprint" ] || die "identity show prints no catchphrase"
FH_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export FH_PASSWORD
printf '%s\n' "$FH_PASSWORD" | "$bin/vncserverd" --users "$state/users" user add demo --permissions all \
    >"$log/users" 2>&1 || die "the user cannot be added"
start_server server "$state/server.pem" 127.0.0.1:0 -- "$here/desktop.sh"
fact "listens on" "$(echo "$address" | sed 's/::/:/')"
fact catchphrase "$phrase"
fact fingerprint "$fingerprint"

next "A viewer that never met it stops, before it says who it is"
view stranger "$address" info
[ $code = 4 ] || die "a viewer that does not know the server ended with $code, not 4"
fact "exit code" "4, server unknown"

next "With the catchphrase it goes on, and remembers the server's key"
color "$state/before.png" 0b1b26
color "$state/green.png" 14532d
first=$out/state/first.png
say "     ${faint}vncviewer-cli --trust \"...\" $address move 400 430 type \"$line\" key return ...${plain}"
view session --trust "$phrase" "$address" info rexpect "$state/before.png" 70 450 3 move 400 430 capture "$first" \
    type "$line" key return rexpect "$state/green.png" 70 450 3 wait-stable 0.3 capture "$out/desktop.png" info
[ $code = 0 ] || die "the session ended with $code"
fact typed "$line"
fact "the program" "read it and turned green; the picture arrived here"

next "It is known now: no catchphrase is needed any more"
view again "$address" info
[ $code = 0 ] || die "the second session ended with $code"
fact trusted "$(info_of trusted again)"

next "Another server takes its place, with another key"
stop "$server"
"$bin/vncserverd" --identity "$state/impostor.pem" identity new >>"$log/identity" 2>&1 || die "no second identity"
start_server impostor "$state/impostor.pem" "$(echo "$address" | sed 's/::/:/')"
view refused "$address" info
[ $code = 5 ] || die "a server with another key: exit code $code, not 5"
grep -qF "$phrase" "$log/refused" || die "the catchphrase that is known was not shown"
fact "exit code" "5, the server's key has changed. The viewer said:"
shown "$log/refused"
stop "$server"
server=''

next "From behind two NATs, through a cloud, on an Internet of this machine's own"
why=''
for program in unshare ip nft; do
    command -v $program >/dev/null || why="$program is not installed"
done
[ "$why" ] || unshare -Urnmp --fork true 2>"$log/namespaces" || why="namespaces are not allowed here"
if [ "$why" ]; then
    fact "not shown" "$why"
else
    FARHAND_LAB=inside FARHAND_LAB_USER=$(id -u) unshare -Urnmp --fork --kill-child "$here/cloud.py" "$bin" "$state" "$log" \
        $size "$phrase" "$state/before.png" "$state/green.png" "$line" </dev/null 2>"$log/cloud" &
    lab=$!
    wait "$lab" || die "it did not come about through the cloud"
    lab=''
fi

next "Measured"
fact cipher "$(info_of cipher session)"
fact "first picture" "$(info_of first_picture_ms again) ms after connecting"
fact "bytes received" "$(info_of bytes_in again) until then, $(tail -n 20 "$log/session" | sed -n 's/^bytes_in  *//p' | tail -n 1) in the whole session"
fact "bytes sent" "$(sed -n 's/^bytes_out  *//p' "$log/session" | tail -n 1) in the whole session"

printf '\n     The picture: %s\n' "$out/desktop.png"
