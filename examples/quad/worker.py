from definition import quad

from woflo import Worker

Worker([quad]).run()
