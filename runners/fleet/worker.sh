# What happens on a worker: looking around, starting one k6 and watching over it, telling how runs are, stopping one. For any
# POSIX shell; dash, bash and busybox's ash are tried. worker.ts sends it by standard input with a command and its arguments:
#
#   probe CODE LOGS [NAME SHA256]…       what the machine has, and which files of CODE are there
#   start DIR SETTINGS COMMAND [ARG]…    runs COMMAND in a session of its own
#   status LOGS                          how every run below LOGS is
#   stop DIR INT TERM KILL               ends one, waiting so many tenths of a second after each signal
#   tail DIR FILE OFFSET                 sends a file from a byte on, until the run has ended and all is sent
#
# Answers are lines, `name value`. DIR, the folder of one worker of one run, is LOGS/run/worker, and has in it:
#
#   started      when it was, seconds since 1970; whoever makes this file may start the run
#   process      three lines: boot id; pid, start time and process group of the supervisor; the same of k6
#   exit         a dash, and then exit code and time of the end in its place: a disk that is full has room for that
#   stdout, stderr, supervisor.sh, supervisor.log
#
# SETTINGS, beside them while it starts, is a file of `export NAME='value'` lines.

set -u
umask 077
LC_ALL=C
export LC_ALL

say() { printf '%s %s\n' "$1" "$2"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
now() { date +%s; }
# Seconds since a run was started.
age() { read -r began 2> /dev/null < "$1/started" && printf '%s\n' $(($(now) - began)) || echo 0; }
# The home in place of a leading ~.
expand() { case $1 in '~/'*) printf '%s\n' "${HOME%/}/${1#??}" ;; *) printf '%s\n' "$1" ;; esac; }

# --- processes: one is known by its pid and when it started, as pids come again -----------------------------------------

boot_id() {
  if [ -r /proc/sys/kernel/random/boot_id ]; then read -r boot < /proc/sys/kernel/random/boot_id && printf '%s\n' "$boot"
  else sysctl -n kern.boottime 2> /dev/null || echo unknown; fi
}

# When a process started, in no unit; nothing when it has ended, also where nobody has taken notice of that (a zombie).
born() {
  if [ -r /proc/self/stat ]; then
    read -r stat 2> /dev/null < "/proc/$1/stat" || return 0
    # The name is in parentheses and may hold anything: fields count from the state on, which is the third.
    set -- ${stat##*) }
    case $1 in Z | X) ;; *) printf '%s\n' "${20}" ;; esac
  else
    case $(ps -o stat= -p "$1" 2> /dev/null) in '' | Z*) ;; *) ps -o lstart= -p "$1" | tr -s ' ' _ ;; esac
  fi
}
is_alive() { [ -n "$2" ] && [ "$(born "$1" 2> /dev/null)" = "$2" ]; }

# Pids of all processes of a group.
members() {
  if [ -r /proc/self/stat ]; then
    for file in /proc/[0-9]*/stat; do
      read -r stat 2> /dev/null < "$file" || continue
      pid=${stat%% *}
      set -- "$1" ${stat##*) }
      case $2 in Z | X) ;; *) [ "$4" != "$1" ] || printf '%s\n' "$pid" ;; esac
    done
  else
    ps -A -o pgid= -o pid= -o stat= | while read -r group pid state; do
      case $state in Z*) ;; *) [ "$group" != "$1" ] || printf '%s\n' "$pid" ;; esac
    done
  fi
}

# --- runs -----------------------------------------------------------------------------------------------------------------

# Sets state (starting, running, ended, vanished), and where they are known code, ended, why, group, and pid and start time
# of the supervisor and of k6.
look() {
  boot='' leader='' born_leader='' group='' pid='' born_pid='' code='' ended='' why=''
  if [ -r "$1/process" ]; then
    { read -r boot && read -r leader born_leader group && read -r pid born_pid _; } < "$1/process" || :
  fi
  state=running
  if has_ended "$1"; then state=ended
  elif [ -z "$pid" ]; then
    state=starting
    [ "$(age "$1")" -lt 10 ] || { state=vanished why='it did not start'; }
  elif [ "$boot" != "$(boot_id)" ]; then state=vanished why='the machine was started anew'
  elif ! is_alive "$leader" "$born_leader"; then
    # Without it there is nobody to write the exit code.
    if is_alive "$pid" "$born_pid"; then why='its supervisor is gone'
    elif has_ended "$1"; then state=ended
    else state=vanished why='it was killed'; fi
  fi
}
has_ended() { read -r code ended 2> /dev/null < "$1/exit" && [ "$code" != - ]; }

# --- logind: it may end what a session leaves with that session, see KillUserProcesses in logind.conf(5) ----------------

# Sets leaves: kept, or scope where a run can be begun beside the session, or killed.
leaving() {
  leaves=kept
  # pam_systemd gives it to sessions that logind knows.
  [ -n "${XDG_SESSION_ID-}" ] && is_ended_with_session "$(id -un)" || return 0
  leaves=killed
  # Without lingering the user's own manager, and all in it, ends with the last session.
  case $(loginctl show-user "$(id -un)" --property=Linger 2> /dev/null) in *=yes) ;; *) return 0 ;; esac
  ! systemd-run --user --scope --quiet true > /dev/null 2>&1 || leaves=scope
}
is_ended_with_session() {
  case $(logind KillUserProcesses) in true | yes | on | 1 | y | t) ;; *) return 1 ;; esac
  only=$(logind KillOnlyUsers) spared=$(logind KillExcludeUsers)
  case " $spared " in *" $1 "*) return 1 ;; esac
  case " $only " in '  ' | *" $1 "*) ;; *) return 1 ;; esac
}
# One of its settings: as it has it, or else as its files do.
logind() {
  if told=$(busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "$1" 2> /dev/null)
  then printf '%s\n' "$told" | sed 's/^[a-z]* *//; s/^[0-9][0-9]* *//; s/"//g'
  else
    told=$(systemd-analyze cat-config systemd/logind.conf 2> /dev/null | sed -n "s/^ *$1 *= *//p" | tail -n 1)
    [ -n "$told" ] || [ "$1" != KillExcludeUsers ] || told=root
    printf '%s\n' "$told"
  fi
}

# --- commands -------------------------------------------------------------------------------------------------------------

probe() {
  code_dir=$(expand "$1") logs=$(expand "$2")
  shift 2
  say home "${HOME-}"
  say system "$(uname -s)"
  say machine "$(uname -m)"
  say cores "$(nproc 2> /dev/null || getconf _NPROCESSORS_ONLN 2> /dev/null || grep -c '^processor' /proc/cpuinfo)"
  if [ -r /proc/meminfo ]; then
    while read -r name amount _; do
      case $name in MemTotal:) say memory $((amount * 1024)) ;; MemAvailable:) say memory_available $((amount * 1024)) ;; esac
    done < /proc/meminfo
  fi
  leaving
  say leaves "$leaves"
  say user "$(id -un)"
  say files_soft "$(ulimit -Sn)"
  say files_hard "$(ulimit -Hn)"
  folder code "$code_dir"
  folder logs "$logs"
  # Whoever was to take these was cut short, and they hold credentials.
  find "$logs" \( -name 'settings-*' -o -name credentials \) -type f -mmin +10 -exec rm -f {} + 2> /dev/null
  while [ $# -ge 2 ]; do
    [ ! -f "$code_dir/$1" ] || [ "$(sha256 "$code_dir/$1" "$2")" != "$2" ] || say have "$1"
    shift 2
  done
  all "$logs"
}

# Where a folder is, what is free there, and whether programs can be written and run in it.
folder() {
  say "$1" "$2"
  why=$(mkdir -p "$2" 2>&1) || { say "$1_problem" "$(first_line "$why")"; return; }
  df -Pk "$2" | { read -r _; read -r _ _ _ free _; say "$1_free" $((free * 1024)); }
  # Machines that share a home may look at it at the same time, with the same pid.
  try=$2/.try-$(uname -n)-$$
  # By cat, as a shell's own printf does not say why it can't write.
  if ! why=$( (printf '#!/bin/sh\nexit 0\n' | cat > "$try") 2>&1); then say "$1_problem" "$(first_line "$why")"
  elif [ "$1" = code ]; then
    chmod 700 "$try"
    why=$("$try" 2>&1) || say code_problem "nothing can be run there ($(first_line "$why"))"
  fi
  rm -f "$try"
}
first_line() { printf '%s\n' "$1" | head -n 1; }

# The hash of a file. Where it can't be had, the one that is wanted: files have it in their name, and get there whole.
sha256() {
  if command -v sha256sum > /dev/null; then sha256sum < "$1" | cut -c 1-64
  elif command -v shasum > /dev/null; then shasum -a 256 < "$1" | cut -c 1-64
  else printf '%s\n' "$2"; fi
}

start() {
  dir=$1 settings=$2
  shift 2
  trap 'rm -f "$settings"' EXIT
  trap 'exit 1' HUP INT TERM
  (set -C && now > "$dir/started") 2> /dev/null || {
    [ -s "$dir/started" ] || fail "$dir can't be written"
    fail "it was started already, $(age "$dir") s ago: see $dir"
  }
  printf '%-24s\n' - > "$dir/exit" && supervisor > "$dir/supervisor.sh" || fail "$dir can't be written"
  cd "$dir" || exit 1
  # Without setsid the group is that which sshd gave to this shell: nothing else will be in it.
  session=$(command -v setsid) || session=
  leaving
  [ "$leaves" != scope ] || session="systemd-run --user --scope --quiet $session"
  $session sh "$dir/supervisor.sh" watch "$settings" "$@" < /dev/null > supervisor.log 2>&1 &
  job=$!
  tries=0
  while :; do
    look "$dir"
    [ "$state" = starting ] || break
    tries=$((tries + 1))
    # What begins it has failed.
    [ -n "$(born "$job")" ] || tries=$((tries + 20))
    [ $tries -lt 100 ] || [ -z "$(tail -n 1 supervisor.log)" ] || fail "it did not start: $(tail -n 1 supervisor.log)"
    [ $tries -lt 100 ] || fail "it did not start in 10 s: see $dir"
    nap
  done
  [ -n "$pid" ] || fail "it did not start: $(cat supervisor.log stderr | tail -n 1)"
  say pid "$pid"
}
nap() { sleep 0.1 2> /dev/null || sleep 1; }

# Two programs in one: that which watches over k6, and writes down how it ended whoever is still there to hear of it, and
# that which becomes k6.
supervisor() {
  cat << 'END'
role=$1 settings=$2
shift 2
umask 077
# Boot id, pid, start time and process group of this shell: see `born` in worker.sh.
boot() { cat /proc/sys/kernel/random/boot_id 2> /dev/null || sysctl -n kern.boottime 2> /dev/null || echo unknown; }
who() {
  pid=$$
  if [ -r "/proc/$pid/stat" ]; then
    read -r stat < "/proc/$pid/stat"
    set -- ${stat##*) }
    printf '%s %s %s\n' "$pid" "${20}" "$3"
  else printf '%s %s %s\n' "$pid" "$(ps -o lstart= -p "$pid" | tr -s ' ' _)" "$(ps -o pgid= -p "$pid" | tr -d ' ')"; fi
}
case $role in
  watch)
    # A signal to the group is for k6. Caught and not ignored, which k6 would inherit.
    trap : HUP INT TERM
    { boot && who; } > process.part || exit 1
    sh "$0" run "$settings" "$@" > stdout 2> stderr
    printf '%-24s\n' "$? $(date +%s)" 1<> exit
    ;;
  run)
    . "$settings" && rm -f "$settings" || exit 1
    command -v "$1" > /dev/null || { echo "$1 can't be run" >&2; exit 127; }
    who >> process.part && mv process.part process && exec "$@"
    ;;
esac
END
}

status() {
  say now "$(now)"
  all "$(expand "$1")"
}

# Every run below a folder.
all() {
  for started in "$1"/*/*/started; do
    [ -e "$started" ] || continue
    dir=${started%/started}
    look "$dir"
    run=${dir%/*}
    printf 'run %s %s\n' "${run##*/}" "${dir##*/}"
    say dir "$dir"
    say state "$state"
    say age "$(age "$dir")"
    [ "$state" != ended ] || { say exit "$code"; say ended_ago $(($(now) - ended)); }
    [ "$state" != running ] || say pid "$pid"
    [ -z "$why" ] || say why "$why"
    ls -ln "$dir" | while read -r mode _ _ _ size _ _ _ name; do
      case $mode in -*) printf 'file %s %s\n' "$size" "$name" ;; esac
    done
  done
}

stop() {
  dir=$1
  [ -e "$dir/started" ] || fail "there is no run in $dir"
  look "$dir"
  tries=0
  while [ "$state" = starting ] && [ $tries -lt 50 ]; do nap; look "$dir"; tries=$((tries + 1)); done
  say was "$state"
  if [ "$state" = running ]; then
    for step in "INT $2" "TERM $3" "KILL $4"; do
      is_left || break
      [ "${step% *}" != INT ] || wait_until_it_listens "$2"
      kill -"${step% *}" -"$group" 2> /dev/null
      say signal "${step% *}"
      tries=0
      while [ $tries -lt "${step#* }" ] && is_left; do nap; tries=$((tries + 1)); done
    done
    left=$(members "$group")
    for pid in $left; do say left "$pid"; done
    # It was killed together with who would have written this.
    has_ended "$dir" || [ -n "$left" ] || printf '%-24s\n' "137 $(now)" 1<> "$dir/exit"
    look "$dir"
  fi
  say state "$state"
  [ "$state" != ended ] || say exit "$code"
  [ -z "$why" ] || say why "$why"
}
# What a shell begins in the background ignores SIGINT until it asks for it, which takes k6 some tenths of a second.
wait_until_it_listens() {
  tries=0
  while [ $tries -lt "$1" ] && is_left; do
    # Of the mask's last digit the second bit is SIGINT's.
    case $(sed -n 's/^SigIgn:.*\(.\)$/\1/p' "/proc/$pid/status" 2> /dev/null) in
      [2367abefABEF]) nap ;;
      *) return ;;
    esac
    tries=$((tries + 1))
  done
}
# Whether its group has processes. One of the two was there, so the group is ours; as long as any is, no other gets its number.
is_left() { is_alive "$leader" "$born_leader" || is_alive "$pid" "$born_pid" || [ -n "$(members "$group")" ]; }

tail_file() {
  dir=$1 file=$1/$2 offset=$3
  [ -e "$dir/started" ] || fail "there is no run in $dir"
  while [ ! -e "$file" ]; do
    look "$dir"
    case $state in ended | vanished) [ -e "$file" ] || return 0 ;; esac
    doze
  done
  exec 3< "$file"
  # Sets the place in the file, which is this shell's and its children's together, to the byte wanted.
  [ "$offset" -lt 65536 ] || dd bs=65536 count=$((offset / 65536)) <&3 > /dev/null 2>&1
  [ $((offset % 65536)) -eq 0 ] || dd bs=$((offset % 65536)) count=1 <&3 > /dev/null 2>&1
  round=0
  while :; do
    # Looked at before the file is read: what is written later is for the next round. Whether it is there at all takes more.
    has_ended "$dir" && state=ended || state=running
    [ $((round % 10)) -ne 0 ] || look "$dir"
    cat <&3 || return 1
    case $state in ended | vanished) return 0 ;; esac
    round=$((round + 1))
    doze
  done
}
# The machine has load to make: no more often than is needed.
doze() { sleep 0.3 2> /dev/null || sleep 1; }

command=$1
shift
case $command in
  probe | start | status | stop) "$command" "$@" ;;
  tail) tail_file "$@" ;;
  *) fail "no such command: $command" ;;
esac
