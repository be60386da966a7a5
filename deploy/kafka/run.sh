#!/bin/sh
# One Apache Kafka broker (KRaft, broker and controller in one process) on loopback, without Docker.
# For trial, tests and benchmarks; several make a cluster. Needs Java 17 or newer and, the first time, Maven.
set -eu

usage() {
    cat <<'TEXT'
usage: deploy/kafka/run.sh [--port 9092] [--advertised-port PORT] [--controller-port PORT] [--data DIR]
                           [--node 1] [--quorum PORT,PORT,PORT] [--fetch-only]

  --port             where clients connect, on 127.0.0.1
  --advertised-port  where clients are told to connect, if a proxy stands before the broker (default: --port)
  --controller-port  where the broker talks to itself, on 127.0.0.1 (default: derived from --port)
  --data             where records are kept (default: deploy/kafka/data); formatted when it is new
  --node             which broker of several this is: 1, 2, ... (default: 1)
  --quorum           the controller ports of all brokers, node 1's first (default: this one's alone)
  --fetch-only       fetch the jars and stop

KAFKA_HEAP sets the JVM's memory (default: -Xmx512m). The broker stops on SIGTERM and Ctrl-C.
TEXT
}

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
jars=$here/jars
data=$here/data
port=9092
advertised_port=
controller_port=
node=1
quorum=
fetch_only=

while [ $# -gt 0 ]; do
    case $1 in
    --port | --advertised-port | --controller-port | --data | --node | --quorum)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in
        --port) port=$2 ;;
        --advertised-port) advertised_port=$2 ;;
        --controller-port) controller_port=$2 ;;
        --data) data=$2 ;;
        --node) node=$2 ;;
        --quorum) quorum=$2 ;;
        esac
        shift 2
        ;;
    --fetch-only)
        fetch_only=yes
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        fail "unknown argument $1"
        ;;
    esac
done

IFS=,  # what --quorum lists
for number in "$port" ${advertised_port:+"$advertised_port"} ${controller_port:+"$controller_port"} $quorum; do
    case $number in
    '' | *[!0-9]*) fail "$number is no port number" ;;
    esac
    if [ "$number" -lt 1 ] || [ "$number" -gt 65535 ]; then fail "$number is no port number"; fi
done
# Derived ports lie outside the range that systems hand out to clients (32768 and up), so that none is taken by chance.
: "${controller_port:=$((port > 32000 ? port - 30000 : port + 10000))}"
: "${quorum:=$controller_port}"

voters=
copies=0
for number in $quorum; do
    copies=$((copies + 1))
    voters=$voters${voters:+,}$copies@127.0.0.1:$number
    [ "$copies" != "$node" ] || controller_port=$number
done
unset IFS
case $node in
'' | *[!0-9]* | 0*) fail "$node is no number of a node" ;;
esac
[ "$node" -le "$copies" ] || fail "--quorum has no port for node $node"

java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
command -v "$java" >/dev/null || fail "no Java found; install a JRE of version 17 or newer (Debian: openjdk-17-jre-headless)"
java_version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${java_version:-0}" -ge 17 ] || fail "Kafka 4 needs Java 17 or newer; $java is ${java_version:-of an unknown version}"

# The copy of the POM beside the jars says what they were fetched for; it is written last.
if ! cmp -s "$here/pom.xml" "$jars/pom.xml"; then
    command -v mvn >/dev/null || fail "no mvn found to fetch Kafka's jars with; install Maven (Debian: maven)"
    echo "run.sh: fetching Kafka's jars (45 MB) with Maven" >&2
    fetched=$jars.$$  # two may fetch at once: neither takes away what the other runs from
    said=$(mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$fetched" 2>&1) ||
        fail "Maven could not fetch the jars: $said"
    cp "$here/pom.xml" "$fetched/pom.xml"
    if cmp -s "$here/pom.xml" "$jars/pom.xml"; then
        rm -rf "$fetched"
    else
        rm -rf "$jars"
        mv "$fetched" "$jars"
    fi
fi
[ -z "$fetch_only" ] || exit 0

in_sync=$((copies > 1 ? copies - 1 : 1))
mkdir -p "$data"
data=$(CDPATH='' cd -- "$data" && pwd)
cat >"$data/server.properties" <<TEXT
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:${advertised_port:-$port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$data/records
# topics are created on purpose (chancery topics ensure), not by a misspelt name
auto.create.topics.enable=false
# every broker has everything, and all but one have it before a writer is told so
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
# fewer files and less memory than a cluster's defaults
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
TEXT

jvm="${KAFKA_HEAP:--Xmx512m} -Djava.awt.headless=true -Dlog4j2.configurationFile=$here/log4j2.properties"
# $jvm is several words on purpose
# shellcheck disable=SC2086
said=$("$java" $jvm -cp "$jars/*" kafka.tools.StorageTool format --ignore-formatted \
    --cluster-id Y2hhbmNlcnktZGV2LTAwMQ --config "$data/server.properties" 2>&1) ||
    fail "could not format $data: $said"

echo "run.sh: Kafka will listen on 127.0.0.1:$port (data in $data)"
# shellcheck disable=SC2086
exec "$java" $jvm -cp "$jars/*" kafka.Kafka "$data/server.properties"
