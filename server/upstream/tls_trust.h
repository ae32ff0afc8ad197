#pragma once

#include <boost/asio/ssl/context.hpp>
#include <optional>

namespace mcpbridge {

// What `https` servers are verified with: the system's certificates, or those in the file that
// SSL_CERT_FILE names. Read for the first server that needs them: they take 20 ms and 3 MB. Not
// thread-safe; the context is, for making streams of it.
class TlsTrust {
 public:
  boost::asio::ssl::context& context() {
    if (!context_) {
      context_.emplace(boost::asio::ssl::context::tls_client);
      context_->set_default_verify_paths();
      context_->set_verify_mode(boost::asio::ssl::verify_peer);
    }
    return *context_;
  }

 private:
  std::optional<boost::asio::ssl::context> context_;
};

}  // namespace mcpbridge
