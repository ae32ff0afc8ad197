#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_answer.h"

namespace mcpbridge {

// A streamable HTTP MCP server on loopback that does what a test tells it to, on a thread of its
// own. It keeps a record of all that reaches it. Thread-safe; destroying it closes everything.
class FakeMcpServer {
 public:
  struct Options {
    // `initialize` opens a session and everything else needs one: 400 without, 404 if unknown.
    bool sessions = true;
    // 400: what servers of the TypeScript SDK say of a session that they don't know.
    int lost_status = 404;
    bool modern_too = false;  // requests of MCP 2026-07-28 need none
    std::string protocol_version = "2025-11-25";
    // The tools array of tools/list, raw JSON; empty: echo and slow.
    std::string tools = {};
    // The arrays of the other lists, likewise; empty: not declared, and refused with -32601.
    std::string resources = {};
    std::string templates = {};
    std::string prompts = {};
    bool subscribe = false;  // declares that resources can be subscribed to
    std::uint16_t port = 0;  // 0: any free one
  };

  // All that has happened so far.
  struct Record {
    std::vector<FakeRequest> requests;  // in order of arrival
    std::vector<std::string> cancels;   // requestId of every notifications/cancelled, raw JSON
    std::vector<std::string> held;      // ids of calls that wait, raw JSON, in order of arrival
    std::vector<std::string>
        disconnected;  // ids of calls whose connection closed while they waited
    int connections_opened = 0;
    int connections_closed = 0;
    int sessions_opened = 0;

    // How many requests of a JSON-RPC method, or an HTTP method other than POST, have come.
    std::size_t Count(const std::string& method) const;
    // How many tools/call of this tool have come.
    std::size_t CountCalls(const std::string& tool) const;
    // The last tools/call; an empty request if there was none.
    FakeRequest LastCall() const;
  };

  // Says how to answer a request; FakeAnswer{} for "as a good server does". Runs on the server's
  // thread and must not call the server.
  using Script = std::function<FakeAnswer(const FakeRequest&)>;

  FakeMcpServer() : FakeMcpServer(Options{}) {}
  explicit FakeMcpServer(Options options);
  FakeMcpServer(const FakeMcpServer&) = delete;
  FakeMcpServer& operator=(const FakeMcpServer&) = delete;
  ~FakeMcpServer();

  std::uint16_t port() const;
  std::string url() const;  // http://127.0.0.1:PORT/mcp

  // For requests that come from now on. The script decides about all POSTs but those in a lost or
  // unknown session; OnTool is a script for one tool, and goes first. It also decides about GETs:
  // 405 unless it gives an answer of form kSse, which needs its own `id` if it has a result; held,
  // it is a stream for Push(); with `never` not even the head comes. In a lost session that is 404.
  void SetScript(Script script);
  void OnTool(const std::string& tool, FakeAnswer answer);
  // A script: every call of a tool is answered with this and the text it came with.
  void AnswerWith(const std::string& prefix);

  Record Snapshot() const;
  // Waits until `predicate` holds; false: it didn't within `timeout`.
  bool WaitFor(const std::function<bool(const Record&)>& predicate,
               std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

  // Lets the held call with this raw id be answered; false: there is none. Any order will do.
  bool Release(const std::string& id);
  // Sends a message on the stream of the held call with this raw id, ahead of its answer; false:
  // there is none.
  bool Say(const std::string& id, const std::string& message);
  // Sends a message on every GET stream that is held, or on those of one session. How many there
  // are.
  std::size_t Push(const std::string& message, const std::string& session = {});
  // Sends a notification on every subscriptions/listen that is held (see ListenAnswer()) and asks
  // for `wanted`, in a few characters of its params; empty: on all. `params`: the members of its
  // own, raw. How many there are.
  std::size_t PushToListeners(const std::string& method, const std::string& params = {},
                              const std::string& wanted = {});
  // How many were released.
  std::size_t ReleaseAll();

  // Forgets every session: further requests in them get 404.
  void DropSessions();
  // Closes every connection at once.
  void CloseConnections();
  // Closes the listening port, so that connecting fails; connections stay. Listen() opens it again.
  void StopListening();
  void Listen();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcpbridge
