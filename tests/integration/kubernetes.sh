#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two stores in two namespaces of a real cluster: made, filled over HTTP and DICOM, read, scaled,
# upgraded while clients ask; one is deleted and the other found whole. Needs kubectl with KUBECONFIG,
# the images loaded, curl, DCMTK's storescu, and in NODE the address of a node that this machine reaches.
# Where TAG is an earlier release, BEFORE names a checkout of it, which makes the stores as it did.
#
#   KUBECONFIG=… NODE=… tests/integration/kubernetes.sh IMAGE_PREFIX TAG NEXT_TAG FILE.dcm [--api-1.20]
set -eu

prefix=${1:?the prefix of the images} tag=${2:?their tag} next=${3:?the tag to upgrade to}
file=${4:?a DICOM file}
old_api=
[ "${5:-}" = --api-1.20 ] && old_api=--old-api
: "${KUBECONFIG:?names the cluster}" "${NODE:?is the address of a node}"
here=$(dirname "$0")/../..
before=${BEFORE:-$here}
port=18042
forwarding= asking=
answers=$(mktemp)

say() { printf '== %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    kubectl get pods --all-namespaces >&2
    exit 1
}

new_store() { # CHECKOUT NAME TAG
    # shellcheck disable=SC2086 the flag is one word or none
    "$1/deploy/k8s/new-store" "$2" --images "$prefix" --tag "$3" $old_api >/dev/null
}

forget() {
    [ -z "$forwarding" ] || { kill "$forwarding"; wait "$forwarding"; } 2>/dev/null || :
    forwarding=
}

end() {
    [ -z "$asking" ] || kill "$asking" 2>/dev/null || :
    rm -f "$answers"
    forget
    for name in first second; do
        kubectl get namespace "pons-kt-$name" >/dev/null 2>&1 || continue
        echo "kt-$name" | "$here/deploy/k8s/delete-store" "kt-$name" >/dev/null || :
    done
}
trap end EXIT INT TERM

reach() { # NAME: the gateway of a store at $port, with its password in $password
    forget
    password=$(kubectl --namespace "pons-$1" get secret pons-admin \
        --output "jsonpath={.data.password}" | base64 --decode)
    kubectl --namespace "pons-$1" port-forward service/gateway "$port:8042" >/dev/null &
    forwarding=$!
    tries=0
    until ask /system >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || fail "the gateway of $1 does not answer"
        sleep 1
    done
}

ask() { curl --silent --show-error --fail --user "admin:$password" "http://127.0.0.1:$port$1"; }

send() {
    curl --silent --show-error --fail --user "admin:$password" --data-binary "@$file" \
        "http://127.0.0.1:$port/instances" >/dev/null
}

has() { # NUMBER
    found=$(ask /statistics | sed -n 's/.*"CountInstances" *: *\([0-9]*\).*/\1/p')
    [ "$found" = "$1" ] || fail "the store has $found instances, not $1"
}

node_port() { # NAME SERVICE: the port of each node that leads to a service of a store
    kubectl --namespace "pons-$1" get service "$2" --output "jsonpath={.spec.ports[0].nodePort}"
}

ask_all_the_time() { # ADDRESS: a line with the status of each answer, 000 where there was none
    while :; do
        curl --silent --user "admin:$password" --max-time 30 --output /dev/null \
            --write-out '%{http_code}\n' "$1" >>"$answers" || :
    done
}

say "two stores"
new_store "$before" kt-first "$tag"
new_store "$before" kt-second "$tag"
reach kt-first
send
has 1
instance=$(ask /instances | sed -n 's/.*"\([0-9a-f-]\{44\}\)".*/\1/p')
ask "/instances/$instance/file" | cmp - "$file" || fail "the file came back changed"
first=$password
reach kt-second
has 0
refused=$(curl --silent --user "admin:$first" --output /dev/null --write-out '%{http_code}' \
    "http://127.0.0.1:$port/system")
[ "$refused" = 401 ] || fail "the password of one store opens the other: $refused"
storescu --aetitle KT --call PONS "$NODE" "$(node_port kt-second dicom-ingress)" "$file" ||
    fail "the DICOM port did not take the file"
has 1

say "render from one to four"
kubectl --namespace pons-kt-first scale deployment/render --replicas 4
kubectl --namespace pons-kt-first rollout status deployment/render --timeout 300s
reach kt-first
ask "/instances/$instance/preview" >/dev/null

say "an upgrade, while a client asks"
ask_all_the_time "http://$NODE:$(node_port kt-first gateway)/instances/$instance/file" &
asking=$!
new_store "$here" kt-first "$next"
kill "$asking"
asking=
sort "$answers" | uniq -c
grep -q '^200$' "$answers" || fail "nothing was answered during the upgrade"
! grep -qv '^200$' "$answers" || fail "a request failed during the upgrade"
reach kt-first
has 1
ask "/instances/$instance/file" | cmp - "$file" || fail "the file came back changed"

say "one is deleted, the other is whole"
forget
echo kt-second | "$here/deploy/k8s/delete-store" kt-second >/dev/null
kubectl get namespace pons-kt-second >/dev/null 2>&1 && fail "the namespace is still there"
reach kt-first
has 1
say "all is well"
