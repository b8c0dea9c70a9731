#!/bin/sh
# Makes what compose.yaml mounts from secrets/: certificates, and passwords that nobody has to think of.
#
#   prepare.sh NAME...        by which host names or addresses the units reach the broker
#
# What is there already is kept. Needs openssl. The files are readable by every user of the containers and
# protected by the folder, which only you may enter.
set -eu
cd "$(dirname "$0")"
[ $# -ge 1 ] || { echo "prepare.sh: by which name do the units reach the broker? prepare.sh NAME..." >&2; exit 2; }

umask 077
secrets=${ORTOO_SECRETS:-secrets}
authority=$secrets/authority
mkdir -p "$secrets/broker"

[ -e "$authority/ca.key" ] || mosquitto/certificates.sh "$authority" authority
[ -e "$authority/broker.key" ] || mosquitto/certificates.sh "$authority" broker "$@"
[ -e "$authority/ortoo-ingest.key" ] || mosquitto/certificates.sh "$authority" client ortoo-ingest
cp "$authority/ca.crt" "$authority/broker.crt" "$authority/broker.key" "$authority/revoked.crl" "$secrets/broker/"

for name in influx-password influx-token grafana-password; do
    [ -e "$secrets/$name" ] || openssl rand -hex 24 > "$secrets/$name"
done
[ -e "$secrets/prometheus-key" ] || : > "$secrets/prometheus-key"

chmod 755 "$authority" "$secrets/broker"
chmod 644 "$secrets"/broker/* "$secrets"/*-* "$authority"/*.crt "$authority"/ortoo-ingest.key
echo "ready: $secrets (keep $authority/ca.key off this machine, and a copy of it)"
