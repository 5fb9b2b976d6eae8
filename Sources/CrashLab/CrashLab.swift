internal import Backstay
