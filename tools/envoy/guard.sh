# Runs Envoy as its child and outlives whoever started it, so that nothing is left behind: not even when that process
# is killed with SIGKILL, where nothing of its own can clean up. Standard input is a pipe that nobody writes to; its
# end is the death of the starter, on any POSIX system (Linux's pdeathsig is not on macOS, and is bound to a thread).
#   guard.sh FOLDER DEADLINE_SECONDS ENVOY ARGUMENT...
# Writes Envoy's pid to descriptor 3. A line on standard input asks for an orderly stop; its end for a stop and for the
# removal of FOLDER. Exits with Envoy's status.
folder=$1
deadline=$2
shift 2
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
envoy=$!
echo "$envoy" >&3
exec 3>&-
(
  if read -r _ <&4; then gone=0; else gone=7; fi
  trap 'exit $gone' TERM
  kill -TERM "$envoy" 2>/dev/null
  left=$((deadline * 10))
  while [ "$left" -gt 0 ]; do
    sleep 0.1
    left=$((left - 1))
  done
  kill -KILL "$envoy" 2>/dev/null
  while :; do sleep 0.1; done
) >/dev/null 2>&1 &
watch=$!
wait "$envoy"
status=$?
# An Envoy that ends by itself may have lost its files to the end of its starter: the watch gets the time to hear of that.
if [ "$status" -ne 0 ]; then sleep 0.3; fi
kill -TERM "$watch" 2>/dev/null
wait "$watch"
if [ $? -eq 7 ]; then rm -rf "$folder"; fi
exit "$status"
