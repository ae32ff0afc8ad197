#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "server/config/config.h"

namespace mcpbridge {

// What is wrong with a piece of an HTTP request to a server; empty: nothing. None quotes its
// argument.

// A header's name: a token (RFC 9110 5.1), and none that the bridge sets itself.
std::string HeaderNameFault(std::string_view name);

// A header's value: no control characters but tab (RFC 9110 5.5), and no space around it.
std::string HeaderValueFault(std::string_view value);

// An absolute http or https URL with a host, and without credentials or fragment.
std::string UrlFault(std::string_view url);

// The name and the value of metadata that goes to a server over gRPC, as its headers do elsewhere:
// gRPC allows fewer characters, and has names of its own.
std::string MetadataNameFault(std::string_view name);
std::string MetadataValueFault(std::string_view value);

// grpc://HOST:PORT, grpcs://HOST:PORT or grpc+unix:///PATH.
bool IsGrpcUrl(std::string_view url);  // by its scheme
std::string GrpcUrlFault(std::string_view url);

// The header that carries `value` the way `type` asks for. `type` is not kNone.
std::pair<std::string, std::string> AuthHeader(AuthType type, const std::string& value);

// ASCII letters only; header names, hosts and origins have no others.
std::string AsciiLower(std::string_view text);

}  // namespace mcpbridge
