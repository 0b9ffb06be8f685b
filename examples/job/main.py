import sys

from woflo import Job

if __name__ == "__main__":
    sys.exit(Job.main())
