#pragma once

#include <string>

namespace mcpbridge {

// A certificate that vouches for itself, and its key; both PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// `subject_alt_name` as OpenSSL's configuration has it: "IP:127.0.0.1" or "DNS:other.example".
// Valid from an hour ago, for `days`; not above 0: it has expired.
TestCertificate MakeCertificate(const std::string& subject_alt_name, int days = 1);

}  // namespace mcpbridge
