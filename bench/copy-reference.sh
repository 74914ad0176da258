#!/bin/bash
# Fills JENKINS_HOME from REF by the rules of the official image, the way such scripts do: a loop over the output of find(1),
# with unzip(1) for each manifest, sort(1) for each comparison and cp(1) for each copy. Then it executes its arguments. It only
# serves as a comparison for `bailey jenkins`.
set -eu
log=$JENKINS_HOME/copy_reference_file.log

# Prints the Plugin-Version of an archive, or nothing when it has none.
version_of() {
  unzip -p "$1" META-INF/MANIFEST.MF 2>/dev/null | sed -n 's/^Plugin-Version: *//p' | tr -d '\r' || true
}

# Whether the first version is older than the second.
is_older() {
  [[ $1 != "$2" ]] && [[ $(printf '%s\n' "${1//-/.}" "${2//-/.}" | sort -V | head -n 1) == "${1//-/.}" ]]
}

# Decides what to do with a plug-in: prints INSTALLED, UPGRADED or SKIPPED.
decide() {
  local installed=$1 image=$2 target=$3 marker
  if [[ ! -e $target ]]; then
    echo INSTALLED
  elif [[ ! -e $target.version_from_image ]]; then
    echo SKIPPED
  else
    marker=$(cat "$target.version_from_image")
    if is_older "$marker" "$installed"; then
      echo SKIPPED
    elif is_older "$installed" "$image"; then
      echo UPGRADED
    else
      echo SKIPPED
    fi
  fi
}

copy_plugin() {
  local source=$1 name=$2 target=$JENKINS_HOME/$2 image installed='' action
  image=$(version_of "$source")
  if [[ -e $target ]]; then installed=$(version_of "$target"); fi
  action=$(decide "$installed" "$image" "$target")
  if [[ $source == *.override && $action == SKIPPED ]]; then action=INSTALLED; fi
  if [[ $action == SKIPPED ]]; then return; fi
  mkdir -p "$(dirname "$target")"
  cp -pr "$source" "$target"
  touch "$target.pinned"
  echo "$image" >"$target.version_from_image"
  echo "$action $name : $image" >>"$log"
}

copy_plain() {
  local source=$1 name=$2 target=$JENKINS_HOME/$2
  if [[ -e $target && $source != *.override ]]; then return; fi
  mkdir -p "$(dirname "$target")"
  cp -pr "$(realpath "$source")" "$target"
  echo "INSTALLED $name" >>"$log"
}

echo "--- Copying files at $(date)" >>"$log"
find "$REF" \( -type f -o -type l \) -print0 | while IFS= read -r -d '' source; do
  name=${source#"$REF"/}
  name=${name%.override}
  case $name in
  plugins/*.jpi) copy_plugin "$source" "$name" ;;
  *) copy_plain "$source" "$name" ;;
  esac
done
exec "$@"
