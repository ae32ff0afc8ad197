#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <string_view>

namespace mcpbridge {

// Takes a response's body as it comes, transfer encoding undone.
class BodySink {
 public:
  virtual void OnBodyBytes(std::string_view bytes) = 0;

 protected:
  ~BodySink() = default;
};

// A Beast body (https://www.boost.org/doc/libs/1_81_0/libs/beast/doc/html/beast/concepts/Body.html)
// that keeps nothing: message.body() is the BodySink to hand the bytes to, and must be set.
struct SinkBody {
  using value_type = BodySink*;

  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(boost::beast::http::header<kIsRequest, Fields>&, value_type& sink) : sink_(sink) {}

    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) {
      error = {};
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t size = 0;
      for (auto at = boost::asio::buffer_sequence_begin(buffers);
           at != boost::asio::buffer_sequence_end(buffers); ++at) {
        const boost::asio::const_buffer buffer = *at;
        sink_->OnBodyBytes({static_cast<const char*>(buffer.data()), buffer.size()});
        size += buffer.size();
      }
      return size;
    }

    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& sink_;
  };
};

}  // namespace mcpbridge
