#pragma once

#include <string_view>

namespace mcpbridge {

// What LiteLLM's configuration has, up to its version 1.109, and ours hasn't: refused by name.

// Top-level keys.
inline constexpr std::string_view kLiteLlmSections[] = {
    "agent_list",
    "assistant_settings",
    "callback_settings",
    "credential_list",
    "environment_variables",
    "files_settings",
    "finetune_settings",
    "guardrails",
    "include",
    "mcp_tools",
    "model_list",
    "policies",
    "prompts",
    "router_settings",
    "search_tools",
    "vector_store_registry",
};

// Keys of an entry of `mcp_servers`.
inline constexpr std::string_view kLiteLlmServerKeys[] = {
    "allow_elicitation",
    "allow_sampling",
    "allowed_params",
    "audience",
    "authorization_url",
    "available_on_public_internet",
    "aws_access_key_id",
    "aws_region_name",
    "aws_role_name",
    "aws_secret_access_key",
    "aws_service_name",
    "aws_session_name",
    "aws_session_token",
    "client_assertion_signing_alg",
    "client_id",
    "client_private_key",
    "client_private_key_id",
    "client_secret",
    "dcr_bridge",
    "delegate_auth_to_upstream",
    "env_vars",
    "instructions",
    "issuer",
    "max_concurrent_requests",
    "mcp_access_groups",
    "mcp_info",
    "oauth2_flow",
    "oauth_identity_binding",
    "oauth_passthrough",
    "per_server_oauth_discovery",
    "pinned_tools",
    "protocol_version",
    "registration_url",
    "rpm",
    "scopes",
    "server_id",
    "spec_path",
    "subject_token_type",
    "token_endpoint_auth_method",
    "token_exchange_endpoint",
    "token_exchange_profile",
    "token_url",
    "token_validation",
    "upstream_resource",
    "upstream_token_header",
};

// Values of `auth_type`.
inline constexpr std::string_view kLiteLlmAuthTypes[] = {
    "oauth2",    "oauth2_token_exchange", "oauth2_id_jag",
    "aws_sigv4", "true_passthrough",      "oauth_delegate",
};

}  // namespace mcpbridge
