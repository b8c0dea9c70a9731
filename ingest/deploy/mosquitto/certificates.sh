#!/bin/sh
# The county's certificate authority, in one folder. Keep that folder off the server, and a copy of it.
#
#   certificates.sh FOLDER authority           once: ca.crt, ca.key, an empty revoked.crl
#   certificates.sh FOLDER broker NAME...      broker.crt, broker.key for these host names or IP addresses
#   certificates.sh FOLDER client NAME         NAME.crt, NAME.key: a unit's id, or ortoo-ingest
#   certificates.sh FOLDER revoke NAME         puts NAME.crt on revoked.crl
#
# Keys are P-256. Certificates last ten years: nobody drives to a herder's cabinet to renew one, and what is
# stolen is revoked. Nothing is overwritten.
set -eu
umask 077

fail() { echo "certificates.sh: $1" >&2; exit 2; }

[ $# -ge 2 ] || fail "usage: certificates.sh FOLDER authority | broker NAME... | client NAME | revoke NAME"
mkdir -p "$1"
cd "$1"
days=3650
action=$2
shift 2

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

is_new() { [ ! -e "$1.key" ] || fail "$1.key is already there: remove it to make another"; }

has_authority() { [ -e ca.key ] || fail "there is no authority in $PWD yet: certificates.sh FOLDER authority"; }

unit_name() {
    printf '%s' "$1" | LC_ALL=C grep -Eqx '[a-z0-9][a-z0-9-]{0,31}' ||
        fail "'$1' is not a unit's name: up to 32 lower-case letters, digits and '-'"
}

# signed FILE NAME EXTENSIONS
signed() {
    key "$1"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf '%s\n' "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days $days \
        -extfile "$1.ext" -out "$1.crt" 2>/dev/null
    rm "$1.csr" "$1.ext"
}

list() { openssl ca -config ca.conf -gencrl -out revoked.crl 2>/dev/null; }

case $action in
authority)
    is_new ca
    key ca
    openssl req -x509 -new -key ca.key -sha256 -days $days -subj "/CN=Ortoo authority" -out ca.crt
    : > revoked.txt
    cat > ca.conf <<END
[ca]
default_ca = ortoo
[ortoo]
database = revoked.txt
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_crl_days = $days
END
    list
    ;;
broker)
    has_authority
    is_new broker
    [ $# -ge 1 ] || fail "by which name or address do the units reach the broker?"
    names=
    for name in "$@"; do
        case $name in
        *[!0-9.]*) names="$names,DNS:$name" ;;
        *) names="$names,IP:$name" ;;
        esac
    done
    signed broker "$1" "subjectAltName=${names#,}
extendedKeyUsage=serverAuth"
    ;;
client)
    has_authority
    unit_name "${1:-}"
    is_new "$1"
    signed "$1" "$1" "extendedKeyUsage=clientAuth"
    ;;
revoke)
    has_authority
    unit_name "${1:-}"
    [ -e "$1.crt" ] || fail "there is no $1.crt here"
    openssl ca -config ca.conf -revoke "$1.crt" 2>/dev/null || fail "$1.crt cannot be revoked: is it already?"
    list
    ;;
*) fail "'$action' is none of authority, broker, client, revoke" ;;
esac
