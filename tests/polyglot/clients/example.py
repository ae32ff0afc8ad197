"""One of examples/: it prints what each of them prints, and its deadline and its cancellation reach
the server.

    example.py FOLDER COMMAND...      ADDRESS in the command is the bridge's
"""

import os
import subprocess
import sys

from support import GRPC, cancels, check, demo_stats, wait_until

EXPECTED = """\
tools: add bytes count echo fail image mixed my_tool sleep stats
echo: hello
sleep: its deadline passed
count: 1 of 3
count: 2 of 3
count: 3 of 3
count: counted to 3
count: cancelled
no_such_tool: TOOL_NOT_FOUND
"""

folder, *command = sys.argv[1:]
ended = subprocess.run([word.replace("ADDRESS", GRPC) for word in command], cwd=folder, text=True,
                       capture_output=True, timeout=60, check=False,
                       env={**os.environ, "no_proxy": "127.0.0.1"})
check("the example runs", ended.returncode == 0, ended)
lines = ended.stdout.replace("\x1b[0m", "").splitlines()  # Maven resets the terminal's colours
check("and prints what all of them print", lines == EXPECTED.splitlines(), ended)
wait_until("the server is told of the call that was too late and of the cancelled one",
           lambda: cancels() == 2)
stats = demo_stats()
check("nothing of it runs on, and the session stays",
      (stats["in_flight"], stats["sessions_opened"], stats["sessions_closed"]) == (0, 1, 0), stats)
