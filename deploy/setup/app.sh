#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes the GitHub App from deploy/app-manifest.json: two clicks in a browser, nothing to copy
# by hand but one address.
#
#	sudo deploy/setup/app.sh https://boxwright.example.com [--name NAME] [--org ORG] [--folder DIR]
#	                         [--hook URL] [--github https://github.example.com [--api URL]]
#
# The first word is how GitHub reaches the service; /hooks/github is put behind it, but for
# --hook, which names a relay of webhooks.  Writes
# app.pem and webhook into the folder (/etc/boxwright) and the App's number into its
# boxwright.yml, where that has none.
set -euo pipefail
. "$(dirname "$0")/common.sh"

usage="$0 https://host [--name NAME] [--org ORG] [--folder DIR] [--hook URL] [--github URL [--api URL]]"
url=${1:-}
[[ $url =~ ^https?://[^/?#[:space:]]+(/[^?#[:space:]]*)?$ ]] || die "the first word has to be the address of the service" "$usage"
url=${url%/}
shift
app_name=Boxwright org='' folder=/etc/boxwright github=https://github.com api='' hook=$url/hooks/github
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || die "'$1' needs a value" "$usage"
	case $1 in
	--name) app_name=$2 ;;
	--org) org=$2 ;;
	--folder) folder=$2 ;;
	--github) github=${2%/} ;;
	--hook) hook=$2 ;;
	--api) api=${2%/} ;;
	*) die "unknown option '$1'" "$usage" ;;
	esac
	shift 2
done
if [ -z "$api" ]; then
	if [ "$github" = https://github.com ]; then api=https://api.github.com; else api=$github/api/v3; fi
fi
for f in app.pem webhook; do
	[ ! -s "$folder/$f" ] || die "$folder/$f is there already, and belongs to some App" "move it away, or name another --folder"
done
mkdir -p "$folder" 2>/dev/null || true
[ -w "$folder" ] || die "$folder cannot be written" "run this with sudo, or name another --folder"
"$(dirname "$0")/deps.sh" app

manifest=$(jq -c --arg url "$url" --arg name "$app_name" --arg hook "$hook" \
	'.name = $name | .url = $url | .hook_attributes.url = $hook | .redirect_url = $url + "/app-is-made"' \
	"$BW_ROOT/deploy/app-manifest.json")
page=$PWD/boxwright-app.html
jq -nr --arg manifest "$manifest" --arg action "$github${org:+/organizations/$org}/settings/apps/new" '
	"<!doctype html><meta charset=utf-8><title>Boxwright</title>
<form method=post action=\"\($action | @html)\">
<input type=hidden name=manifest value=\"\($manifest | @html)\">
<button>Make the GitHub App</button></form>"' >"$page"
trap 'rm -f "$page"' EXIT

say "1. Open this file in a browser (copy it to your own machine when this is a server), press its"
say "   button, and on GitHub's page \"Create GitHub App\":"
say "       $page"
say "2. You are sent to $url/app-is-made?code=..., which is no page.  Paste that address here,"
say "   within the hour:"
IFS= read -r answer || die "nothing was pasted" "start this again"
[[ $answer =~ code=([A-Za-z0-9_-]+) || $answer =~ ^([A-Za-z0-9_-]+)$ ]] || die "there is no code= in that" "paste the whole address"
# The code is worth the App's key: not among the arguments, which all users of a machine see.
made=$(curl -sS -m 30 -X POST -H 'Accept: application/vnd.github+json' -K - \
	<<<"url = \"$api/app-manifests/${BASH_REMATCH[1]}/conversions\"") ||
	die "$api does not answer" "see the message above; the code is good for an hour"
id=$(jq -r '.id // empty' <<<"$made")
[ -n "$id" ] || die "GitHub did not take the code: $(jq -r '.message // "no reason given"' <<<"$made")" \
	"a code is good once and for an hour: start this again (delete the App that was made, or name another --name)"
[ "$(jq -r '.pem != null and .webhook_secret != null' <<<"$made")" = true ] ||
	die "GitHub made the App $id, but told no key or webhook secret" "make both on the App's page, and put them into $folder/app.pem and $folder/webhook"

group=root
if getent group boxwright >/dev/null; then group=boxwright; fi
umask 077
jq -r '.pem' <<<"$made" >"$folder/app.pem"
jq -r '.webhook_secret' <<<"$made" >"$folder/webhook"
if [ "$(id -u)" = 0 ]; then
	chown "root:$group" "$folder/app.pem" "$folder/webhook"
	chmod 440 "$folder/app.pem" "$folder/webhook"
fi
say "written: $folder/app.pem, $folder/webhook"
if grep -qE '^  app_id: 0( |$)' "$folder/boxwright.yml" 2>/dev/null; then
	sed -i -E "s/^  app_id: 0( .*)?$/  app_id: $id/" "$folder/boxwright.yml"
	say "written: github.app_id: $id in $folder/boxwright.yml"
else
	say "set github.app_id to $id"
fi
say "3. Install the App on a repository: $(jq -r '.html_url' <<<"$made")/installations/new"
