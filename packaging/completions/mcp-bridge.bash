# mcp-bridge: completion for bash.
_mcp_bridge() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  # Bash takes `--config=FILE` for three words.
  if [[ $word == = ]]; then word=''; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
  case $before in
    --config)
      compopt -o default
      return
      ;;
    --log_level)
      mapfile -t COMPREPLY < <(compgen -W 'trace debug info warn error off' -- "$word")
      return
      ;;
    --http_listen | --grpc_listen | --admin_listen | --service | --timeout) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W 'healthcheck --config --check_config --http_listen --grpc_listen --admin_listen
    --allow_unauthenticated --log_level --service --timeout --help --version' -- "$word")
}
complete -F _mcp_bridge mcp-bridge
