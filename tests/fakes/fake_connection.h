#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tests/fakes/fake_answer.h"

namespace mcpbridge {

// One connection of FakeMcpServer. It reads on while a request waits for its answer, so that it
// notices when the peer leaves. On the server's thread.
class FakeConnection : public std::enable_shared_from_this<FakeConnection> {
 public:
  class Owner {
   public:
    // The next comes only after End().
    virtual void OnRequest(const std::shared_ptr<FakeConnection>& connection,
                           FakeRequest request) = 0;
    virtual void OnClosed(const std::shared_ptr<FakeConnection>& connection) = 0;

   protected:
    ~Owner() = default;
  };

  FakeConnection(boost::asio::ip::tcp::socket socket, int number, Owner& owner);

  void Start() { Read(); }

  // Writes, after all that was sent before, in pieces of `piece_bytes` 1 ms apart; 0: at once.
  void Send(const std::string& bytes, std::size_t piece_bytes);
  // The request is done with: once all is written, closes, or goes on to the next.
  void End(bool close, bool reset);
  void Close(bool reset);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  struct Piece {
    std::string bytes;
    bool pause_after;
  };

  void Read();
  void OnRead();
  void Write();
  void OnPieceWritten(bool pause);
  void OnDrained();
  FakeRequest Take();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer pause_;
  const int number_;
  Owner& owner_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<FakeRequest> next_;  // read while the one before it waits
  std::deque<Piece> pieces_;
  bool busy_ = false;     // a request is with the owner
  bool writing_ = false;  // a piece is being written, or paused after
  bool ended_ = false;    // End() was called; what is left is to write
  bool close_ = false;
  bool reset_ = false;
  bool closed_ = false;
};

}  // namespace mcpbridge
